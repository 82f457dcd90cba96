"""Quarantine as a person reads it in a terminal."""

import json
from collections import Counter
from collections.abc import Sequence

from rich.table import Table

from monitoring.purge import Purged
from monitoring.quarantine import Held, reason_words
from monitoring.replay import Replayed


def quarantine_table(held: Sequence[Held]) -> Table:
    """One line a record."""
    table = Table(title=f"In quarantine: {len(held)}", title_justify="left")
    for name in ("id", "reason", "step", "lay at (topic, partition, offset)", "time (UTC)"):
        table.add_column(name, no_wrap=True)
    table.add_column("times seen", justify="right")
    for each in held:
        source, at = each.record.source, each.record.quarantined_at
        lay = f"{source.topic} {source.partition} {source.offset}"
        table.add_row(each.id, each.record.reason, each.record.step, lay, f"{at:%d/%m/%Y %H:%M:%S}", str(each.seen))
    return table


def reasons_table(held: Sequence[Held]) -> Table:
    """One line a reason: how many, and what to do."""
    table = Table(title="By reason", title_justify="left")
    table.add_column("reason", no_wrap=True)
    table.add_column("records", justify="right")
    table.add_column("what happened, and what to do")
    for reason, number in sorted(counted(held).items()):
        table.add_row(reason, str(number), reason_words(reason))
    return table


def counted(held: Sequence[Held]) -> Counter[str]:
    """How many by reason."""
    return Counter(each.record.reason for each in held)


def list_json(held: Sequence[Held]) -> str:
    """The form of ``nccid quarantine list --json``."""
    return json.dumps({"records": [each.as_json() for each in held], "reasons": dict(sorted(counted(held).items()))})


def show_words(held: Held) -> str:
    """Everything of one record; what is sealed stays sealed."""
    full = held.in_full()
    original = full.pop("original")
    lines = [f"{name.replace('_', ' '):<16}{_plain(value)}" for name, value in full.items()]
    shown = "not kept" if original is None else "\n" + json.dumps(original, indent=2)
    return "\n".join([*lines, f"{'original':<16}{shown}"])


def _plain(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name.replace('_', ' ')} {_plain(part)}" for name, part in value.items())
        case _:
            return str(value)


def replay_words(done: Sequence[Replayed]) -> str:
    """What was replayed, and what was not and why."""
    put_back = sum(each.why_not is None for each in done)
    lines = [f"{each.held.id} was not replayed: {each.why_not}" for each in done if each.why_not is not None and each.needed]
    dropped = sum(not each.needed for each in done)
    lines += [f"{dropped} of patients who have opted out were left as they are" for _ in range(1) if dropped]
    lines.append(f"{put_back} of {len(done)} replayed")
    if put_back:
        lines.append("What is rejected again comes back under another id; purge those that went through.")
    return "\n".join(lines)


def purge_words(done: Purged) -> str:
    """What was purged, and how far it is erased."""
    if not done.purged:
        return "nothing was purged: nothing in quarantine fits"
    if done.refused:
        return (
            f"{done.purged} purged: they are not listed and cannot be replayed any more. This broker cannot erase records on "
            "request: their bytes go with the topic's retention (90 days), or when the embedded broker stops"
        )
    return (
        f"{done.purged} purged. The broker has erased what lay before the first record that has to stay; "
        "the rest goes with the topic's retention (90 days)"
    )
