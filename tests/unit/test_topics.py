"""Topics: every record of every topic comes back as it went, and nothing else is taken for one."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.topics import PARTITIONS, TOPICS, AnyTopic
from schemas.wire import UndecodableError
from tests.strategies import records

each_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


def plain(record: object) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(msgspec.json.encode(record))
    return decoded


@each_topic
@settings(max_examples=20)
@given(data=st.data())
def test_a_record_comes_back_as_it_went(topic: AnyTopic, data: st.DataObject) -> None:
    record = data.draw(records(topic.record))
    assert topic.wire.decode(topic.wire.encode(record)) == record


@each_topic
@settings(max_examples=10)
@given(data=st.data())
def test_the_same_record_is_the_same_bytes(topic: AnyTopic, data: st.DataObject) -> None:
    """Deterministic, so that "has it changed" can be asked of bytes, and a digest means something."""
    encoded = topic.wire.encode(data.draw(records(topic.record)))
    assert topic.wire.encode(topic.wire.decode(encoded)) == encoded


@each_topic
@settings(max_examples=5)
@given(data=st.data())
def test_a_field_too_many_or_too_few_is_an_error(topic: AnyTopic, data: st.DataObject) -> None:
    record = data.draw(records(topic.record))
    fields = plain(record)
    needed = [field.encode_name for field in msgspec.structs.fields(record) if field.required]
    spoilt = [fields | {"nickname": "Annie"}]
    spoilt += [{name: value for name, value in fields.items() if name != left_out} for left_out in ("type", *needed)]
    for each in spoilt:
        with pytest.raises(UndecodableError):
            topic.wire.decode(json.dumps(each).encode())


@each_topic
@settings(max_examples=5)
@given(data=st.data())
def test_another_tag_or_version_is_an_error(topic: AnyTopic, data: st.DataObject) -> None:
    fields = plain(data.draw(records(topic.record)))
    name = fields["type"].partition("/")[0]
    for tag in (f"{name}/2", f"{name}/0", f"{name}/1.0", name, "-", "", None, 1):
        with pytest.raises(UndecodableError):
            topic.wire.decode(json.dumps(fields | {"type": tag}).encode())


@each_topic
@settings(max_examples=3)
@given(data=st.data())
def test_records_of_a_topic_are_not_taken_for_those_of_another(topic: AnyTopic, data: st.DataObject) -> None:
    own = {plain_tag(record) for record in _types(topic)}
    encoded = topic.wire.encode(data.draw(records(topic.record)))
    for other in TOPICS:
        if own.isdisjoint(plain_tag(record) for record in _types(other)):
            with pytest.raises(UndecodableError):
                other.wire.decode(encoded)


def _types(topic: AnyTopic) -> list[Any]:
    return list(getattr(topic.record, "__args__", [topic.record]))


def plain_tag(record: Any) -> str:  # noqa: ANN401  # a type of record
    tag: str = record.__struct_config__.tag
    return tag


@each_topic
def test_every_record_is_tagged_with_a_name_and_a_version(topic: AnyTopic) -> None:
    for record in _types(topic):
        name, _, version = plain_tag(record).partition("/")
        assert (name.replace("-", "").isalpha(), version.isdigit()) == (True, True)


@each_topic
def test_records_cannot_be_changed(topic: AnyTopic) -> None:
    for record in _types(topic):
        config = record.__struct_config__
        assert (config.frozen, config.forbid_unknown_fields) == (True, True)


def test_names_are_unique_and_have_dots() -> None:
    names = [topic.name for topic in TOPICS]
    assert len(set(names)) == len(names)
    assert [name for name in names if not name.startswith("nccid.")] == []


def test_all_have_the_same_number_of_partitions() -> None:
    assert {topic.partitions for topic in TOPICS} == {PARTITIONS}


@each_topic
def test_settings_are_what_the_broker_understands(topic: AnyTopic) -> None:
    expected = {"cleanup.policy": "compact" if topic.compacted else "delete", "retention.ms": str(topic.retention_ms)}
    superseded = {"max.compaction.lag.ms": "86400000"} if topic.compacted else {}  # of somebody who opted out, gone after a day
    assert topic.config == expected | superseded
    assert topic.retention_ms == -1 or topic.retention_ms >= 24 * 60 * 60 * 1000


def test_what_is_compacted_is_kept_for_ever() -> None:
    assert {topic.retention_ms for topic in TOPICS if topic.compacted} == {-1}


def test_what_holds_sealed_identifiers_is_kept_for_a_while_only() -> None:
    assert [topic.name for topic in TOPICS if topic.name.startswith("nccid.raw.") and topic.retention_ms == -1] == []


def test_no_key_is_an_identifier() -> None:
    assert [topic.name for topic in TOPICS if {"nhs", "hospital", "number"} & set(topic.key.lower().split())] == []
