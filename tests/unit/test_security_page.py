"""The page for the DPIA says who may read what as the rights on the cluster have it, and names tests that there are."""

import re

from schemas.topics import TOPICS
from streams.access import rights
from streams.topology import TOPOLOGY
from tests.unit.test_docs import ROOT, days, page, section, table

READERS = {
    topic.name: {
        role
        for role, those in rights(TOPOLOGY).items()
        if any(right.name == topic.name and "Read" in right.operations for right in those)
    }
    for topic in TOPICS
}


def test_who_may_read_each_topic_and_for_how_long() -> None:
    told = {line[0]: (line[2], set(line[3].split(", "))) for line in table(section("docs/security.md", "Topics"))}
    kept = {topic.name: days(topic) + (", compacted" if topic.compacted else "") for topic in TOPICS}
    assert told == {name: (kept[name], READERS[name]) for name in READERS}


def test_what_is_sealed_is_read_by_who_has_keys_and_by_a_person_alone() -> None:
    assert {role for name, roles in READERS.items() if name.startswith("nccid.raw.") for role in roles} == {
        "operator",
        "worker-pseudonymise",
    }


def test_every_threat_names_what_shows_it_and_that_is_there() -> None:
    threats = table(section("docs/security.md", "Threats, and what stands against each"))
    assert len(threats) > 10
    unshown = [line[0] for line in threats if "tests/" not in line[3]]
    assert unshown == ["an **insider with the keyring**"]
    named = re.findall(r"tests/[\w/]+\.py", page("docs/security.md"))
    assert [name for name in named if not (ROOT / name).is_file()] == []
