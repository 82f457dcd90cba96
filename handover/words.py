"""What an export says to the person who started it."""

import csv
import io
from collections.abc import Sequence

from msgspec.structs import asdict
from rich.table import Table

from handover.outcome import Outcome
from handover.verify import Verdict
from schemas.completeness import COLUMNS, TOLD, GroupCounted

_SHOWN = 20

_MEANING = {
    "missing": "missing: was delivered, and is not there; `nccid export --restore` puts it back",
    "changed": (
        "changed: holds something else than was delivered, or than the store holds now; "
        "where it is damaged, take it away, then restore it"
    ),
    "extra": "extra: nobody delivered it; take it away",
    "undelivered": "undelivered: export once more",
    "to-delete": "to delete: its patient has opted out",
    "doubtful": "doubtful: its patient or study is not complete or inside the window any more; look at it",
}


def outcome_words(outcome: Outcome, where: str) -> str:
    """What was done, and what waits."""
    lines = [
        (
            f"{outcome.complete} complete patients; something new of {outcome.delivered} went to {where}: "
            f"{outcome.data} data and {outcome.status} status records, {outcome.images} images"
        )
    ]
    told = (
        (outcome.held, "corrected records wait for tomorrow, since a record of today is there already"),
        (outcome.awaited, "studies have fewer images in the store than were reported; they follow when they are there"),
        (outcome.unknown_site, "rows are of a site that sites.toml does not name; add it, and export again"),
        (outcome.restored, "files were missing and were put back"),
        (
            outcome.lost,
            "files are missing, and row or store hold something else by now; restore them from a copy of the destination",
        ),
        (outcome.withdrawn, "patients have opted out since they were delivered"),
        (outcome.deleted, "files of theirs were deleted, and are listed in the manifest"),
        (outcome.to_delete, "files of theirs are to be deleted there; they are listed in the manifest"),
    )
    return "\n".join(lines + [f"{count} {words}" for count, words in told if count])


def verdict_words(verdict: Verdict) -> str:
    """What does not agree, and that everything else does."""
    lines = [f"{verdict.files} files of {verdict.patients} patients were compared"]
    for what, count in sorted(verdict.counts.items()):
        lines.append(f"{count} {_MEANING[what]}")
        paths = [each.path for each in verdict.differences if each.what == what]
        lines += [f"  {path}" for path in paths[:_SHOWN]]
        lines += [f"  and {count - _SHOWN} more; --json names them"] if count > _SHOWN else []
    lines += [f"{verdict.held} corrected records wait for tomorrow"] if verdict.held else []
    lines.append("everything agrees" if verdict.ok else "this is NOT as it should be")
    return "\n".join(lines)


def completeness_csv(lines: Sequence[GroupCounted]) -> str:
    """The report as CSV; what is suppressed is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(line) for line in lines)
    return text.getvalue().rstrip("\n")


def completeness_table(lines: Sequence[GroupCounted]) -> Table:
    """The report as a table: shares of the cells; what is suppressed is a star."""
    table = Table(title="Clinical data by site and field group, in cells; * fewer than 5, rounded to 5")
    for name in COLUMNS:
        table.add_column(name.replace("_", " "), justify="right" if name in TOLD else "left")
    for line in lines:
        counts = [getattr(line, name) for name in TOLD]
        table.add_row(
            line.site, line.sheet, line.group.replace("_", " "), *("*" if each is None else f"{each:,}" for each in counts)
        )
    return table
