"""The docs name what there is: flow, topics, records, steps, states, flags, reasons, commands, settings; links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import msgspec
import pytest

from agents.quarantine import Reason
from nccid import cli  # noqa: TID251  # no room knows the front door; the docs do
from schemas.coverage import Flag, State
from schemas.records import Record
from schemas.topics import DAY_MS, FOREVER, TOPICS, AnyTopic
from streams import topology
from streams.steps import Step
from streams.topology import TOPOLOGY

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ROOMS = (
    "agents",
    "bench",
    "commands",
    "edge",
    "handover",
    "identity",
    "local",
    "monitoring",
    "schemas",
    "streams",
    "synth",
    "web",
)
SOURCES = [ROOT / "nccid.py", *(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(name: str, heading: str) -> str:
    """What stands under a heading, up to the next heading of any level; the heading itself may be code."""
    found = re.search(rf"^#+ `?{re.escape(heading)}`?\n(.*?)(?=^#|\Z)", page(name), re.MULTILINE | re.DOTALL)
    assert found, f"{name} has no section {heading}"
    return found[1]


def table(text: str) -> list[list[str]]:
    """The cells of a Markdown table, without its header and without code marks."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def structs(kind: Any) -> Iterator[type[msgspec.Struct]]:  # noqa: ANN401  # any type that a record's field may have
    """Every record that a type is made of, itself first."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for field in msgspec.structs.fields(kind):
            yield from structs(field.type)
    for part in get_args(kind):
        yield from structs(part)


def commands(group: click.Group, prefix: str = "nccid") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def days(topic: AnyTopic) -> str:
    if topic.retention_ms == FOREVER:
        return "for ever"
    count = topic.retention_ms // DAY_MS
    return f"{count} day" if count == 1 else f"{count} days"


def test_the_diagram_is_the_topologys_own() -> None:
    assert f"```mermaid\n{TOPOLOGY.diagram()}\n```" in page("docs/architecture.md")


def test_the_readme_shows_the_picture_at_the_head_of_the_topology() -> None:
    picture = [line for line in (topology.__doc__ or "").splitlines() if line.startswith("    ")]
    assert picture
    assert "\n".join(picture) in page("README.md")


def test_every_topic_stands_in_the_table_as_it_is_declared() -> None:
    expected = [
        [
            topic.name,
            topic.record.__name__,
            topic.key,
            str(topic.partitions),
            days(topic),
            "compact" if topic.compacted else "delete",
        ]
        for topic in TOPICS
    ]
    assert table(section("docs/wire.md", "Topics")) == expected


def travelling() -> list[type[msgspec.Struct]]:
    """Every record that has a tag, and what it is made of."""
    tagged = [each for each in Record.__subclasses__() if each.__struct_config__.tag]
    return sorted({part for each in tagged for part in structs(each)}, key=lambda each: each.__name__)


@pytest.mark.parametrize("record", travelling(), ids=lambda record: record.__name__)
def test_every_record_is_written_down_field_by_field(record: type[msgspec.Struct]) -> None:
    text = section("docs/wire.md", record.__name__)
    assert [line[0] for line in table(text)] == [field.encode_name for field in msgspec.structs.fields(record)]
    tag = record.__struct_config__.tag
    assert tag is None or f"Tag `{tag}`" in text


@pytest.mark.parametrize("step", TOPOLOGY.steps, ids=lambda step: step.name)
def test_every_step_says_what_it_reads_writes_keeps_and_rejects(step: Step) -> None:
    text = section("docs/steps.md", step.name)
    said = dict(re.findall(r"^- \*\*(\w+)\*\* (.+?)(?=^- |^$)", text, re.MULTILINE | re.DOTALL))
    assert list(said) == ["reads", "writes", "keeps", "rejects"]
    assert set(re.findall(r"nccid\.[\w.-]+\w", said["reads"])) == {topic.name for topic in step.all_read}
    assert set(re.findall(r"nccid\.[\w.-]+\w", said["writes"])) == {topic.name for topic in step.writes}


def test_the_sender_is_described_beside_the_steps() -> None:
    assert "`nccid.raw.rows`" in section("docs/steps.md", "sender")


@pytest.mark.parametrize("name", [*get_args(State), *get_args(Flag)])
def test_every_state_and_flag_is_in_the_glossary(name: str) -> None:
    assert f"\n**`{name}`.** " in page("GLOSSARY.md")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_for_quarantine_says_what_to_do(reason: Reason) -> None:
    assert any(line[0] == reason for line in table(section("docs/operate.md", "Quarantine")))


def test_every_command_is_in_the_readme_and_no_other() -> None:
    documented = [line[0] for line in table(section("README.md", "All commands"))]
    assert sorted(documented) == sorted(commands(cli))


def test_every_environment_variable_is_explained() -> None:
    read = {name for source in SOURCES for name in re.findall(r"\bNCCID_[A-Z]+(?:_[A-Z]+)*", source.read_text(encoding="utf-8"))}
    environment = section("docs/operate.md", "Environment")
    assert [name for name in sorted(read) if name not in environment] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_links_or_names_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if not target.startswith(("http", "#"))]
    named = re.findall(rf"(?<![\w/.])((?:{'|'.join((*ROOMS, 'docs', 'tests'))})/[\w./-]+\.(?:py|toml|csv|sql|md))\b", text)
    missing = [target for target in links if not (path.parent / target).exists()]
    missing += [target for target in named if not (ROOT / target).exists() and not (path.parent / target).exists()]
    assert missing == []


def test_every_decision_is_in_the_index() -> None:
    records = {path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    assert records == set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", page("docs/decisions/README.md")))
