"""A nurse's workbook in, and its rows in the outbox: all of them, or none and every reason why.

The time of upload decides which row of a patient counts, so an old file that is uploaded again takes over again; that is allowed,
and told.
"""

import contextlib
import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.handed_in import HandedIn, Sender, note_sheet
from edge.sending.database import microseconds, moment
from edge.sending.outbox import Message, Outbox, OutboxError, Transaction
from edge.spreadsheets.findings import Finding
from edge.spreadsheets.rows import Checked, Row
from edge.spreadsheets.spreadsheet import Progress, check_workbook
from identity.pseudonyms import Pseudonymiser, pacs_identifier
from identity.seal import RowIdentity, Sealer
from schemas.alerts import UploadSubmitted
from schemas.records import Kind, Record, RowSubmitted
from schemas.sites import Site
from schemas.topics import RAW_ROWS, UPLOADS

__all__ = ["Progress", "UploadAnswer", "submit_upload"]


class UploadAnswer(Record, frozen=True, kw_only=True):
    """What ``nccid upload --json`` prints. With an error, nothing was sent."""

    accepted: bool
    rows: int  # 0 where refused
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One accepted workbook on its way into the outbox."""

    upload: str
    site: Site
    kind: Kind
    receipt: str
    rows: tuple[Row, ...]


def submit_upload(  # noqa: PLR0913  # what an upload is made of, and by whom; the front door names each
    path: Path,
    site: Site,
    kind: Kind,
    outbox: Outbox,
    pseudonymiser: Pseudonymiser,
    sealer: Sealer,
    now: dt.datetime,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    sender: Sender = Sender(),  # noqa: B008  # it cannot change
) -> UploadAnswer:
    """Checks a workbook and, when it has no error, commits its rows to the outbox in one transaction.

    Args:
        path: the file, as the nurse named it.
        site: who uploads.
        kind: which of the two sheets it should be.
        outbox: where the rows go.
        pseudonymiser: makes the message keys and the file's fingerprint.
        sealer: seals the identifiers.
        now: the clock, in UTC.
        dry_run: check only; nothing is sent and nothing remembered.
        progress: told how far the check is.
        sender: who hands it in, and how; for the summary.

    Raises:
        OutboxError: the rows could not be stored; none was.
        UnreadableError: there is no such file, or it may not be read.
        OSError: the file went away after it was checked.
    """
    checked = check_workbook(path, site, kind, now.date(), progress)
    if not checked.accepted:
        refused = UploadAnswer(accepted=False, rows=0, errors=checked.errors, warnings=checked.warnings)
        if not dry_run:
            with contextlib.suppress(OutboxError), outbox.transaction(now) as transaction:  # the findings matter more
                note_sheet(transaction, site.code, _handed_in(transaction, refused, kind, sender))
        return refused
    sheet = _Sheet(uuid.uuid4().hex, site, kind, pseudonymiser.receipt(path.read_bytes()), checked.rows)
    if dry_run:
        warning = _superseded(outbox, sheet)
    else:
        with outbox.transaction(now) as transaction:
            warning = _superseded(transaction, sheet)
            _remember(transaction, sheet)
            transaction.add(_messages(sheet, transaction.instant, pseudonymiser, sealer))
            note_sheet(transaction, site.code, _handed_in(transaction, _taken(checked, warning), kind, sender))
    return _taken(checked, warning)


def _taken(checked: Checked, warning: tuple[Finding, ...]) -> UploadAnswer:
    return UploadAnswer(accepted=True, rows=len(checked.rows), errors=(), warnings=checked.warnings + warning)


def _handed_in(transaction: Transaction, answer: UploadAnswer, kind: Kind, sender: Sender) -> HandedIn:
    counts = (answer.rows, len(answer.errors), len(answer.warnings))
    return HandedIn(transaction.instant, kind, sender, *counts, accepted=answer.accepted)


def _messages(sheet: _Sheet, uploaded_at: dt.datetime, pseudonymiser: Pseudonymiser, sealer: Sealer) -> Iterator[Message]:
    for row in sheet.rows:
        event = f"{sheet.upload}-{row.number}"
        identity = RowIdentity(row.nhs.digits if row.nhs else None, row.hospital.text if row.hospital else None)
        record = RowSubmitted(
            event=event,
            site=sheet.site.code,
            kind=sheet.kind,
            upload=sheet.upload,
            uploaded_at=uploaded_at,
            row=row.number,
            identity=sealer.seal(identity, f"{sheet.site.code}/{event}"),
            swab_date=row.swab_date,
            result=row.result,
            values=row.values,
        )
        key = pseudonymiser.routing(sheet.site, pacs_identifier(sheet.site, row.nhs, row.hospital))
        yield Message(event, RAW_ROWS.name, key, RAW_ROWS.wire.encode(record))
    submitted = UploadSubmitted(
        event=sheet.upload,
        site=sheet.site.code,
        kind=sheet.kind,
        upload=sheet.upload,
        uploaded_at=uploaded_at,
        rows=len(sheet.rows),
    )
    yield Message(sheet.upload, UPLOADS.name, sheet.site.code.encode(), UPLOADS.wire.encode(submitted))


def _remember(transaction: Transaction, sheet: _Sheet) -> None:
    at = microseconds(transaction.instant)
    facts = (sheet.upload, sheet.site.code, sheet.kind, sheet.receipt, at, len(sheet.rows))
    transaction.write("INSERT INTO upload VALUES (?, ?, ?, ?, ?, ?)", *facts)


def _superseded(memory: Outbox | Transaction, sheet: _Sheet) -> tuple[Finding, ...]:
    """A warning when these very bytes came before and another workbook of the same kind has come since."""
    of_sheet = "FROM upload WHERE site = ? AND kind = ? AND receipt"
    select = f"SELECT (SELECT max(uploaded_at) {of_sheet} = ?), (SELECT max(uploaded_at) {of_sheet} <> ?)"
    same = (sheet.site.code, sheet.kind, sheet.receipt)
    ((before, other),) = memory.query(select, *same, *same)
    if before is None or other is None or other < before:
        return ()
    problem = (
        f"this very file was uploaded before, on {moment(before):%d %B %Y at %H:%M} UTC, and a newer one took its place "
        f"on {moment(other):%d %B %Y at %H:%M} UTC; now this older file counts again"
    )
    expected = "the newest version of the sheet; if this is not it, upload the newest one again"
    return (Finding(sheet=None, cell=None, column=None, problem=problem, expected=expected),)
