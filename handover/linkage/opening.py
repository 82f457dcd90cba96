"""The opening itself: approved, logged, and then, for the recipient alone, pseudonym beside number.

reads    the request, the token, nccid.rows (nhs_sealed), who has opted out
writes   a line of the log first; then one encrypted file
refuses  one's own approval, another request's token, a request that is too old or was opened before, another keyring
"""

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from handover.linkage import approvers, log
from handover.linkage.request import LinkRequest, RequestError, require_fresh
from identity.approval import is_approved
from identity.seal import LinkageOpener
from schemas.records import RowPseudonymised

OPENED = "opened"

Rank = tuple[dt.datetime, str, int]


class Sealed:
    """The latest sealed number of each patient who was asked for; fed with rows in any order and number."""

    def __init__(self, request: LinkRequest) -> None:
        self._wanted = set(request.patients)
        self._latest: dict[str, tuple[Rank, str | None, str | None]] = {}  # rank, sealed number, person

    def take(self, rows: Iterable[RowPseudonymised]) -> None:
        """Looks whether rows are of these patients."""
        for row in rows:
            if row.patient in self._wanted:
                rank = (row.uploaded_at, row.upload, row.row)
                if row.patient not in self._latest or rank > self._latest[row.patient][0]:
                    self._latest[row.patient] = (rank, row.nhs_sealed, row.person)

    def numbers(self) -> dict[str, str]:
        """``nhs_sealed`` by patient, where there is one."""
        return {patient: sealed for patient, (_, sealed, _) in sorted(self._latest.items()) if sealed is not None}

    def person(self, patient: str) -> str | None:
        """Who it is, by the latest row."""
        return self._latest[patient][2] if patient in self._latest else None


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of it: counts, and the log's head."""

    asked: int
    linked: int
    withdrawn: int
    without_number: int
    head: str

    def as_json(self) -> dict[str, object]:
        """The form of ``nccid link open --json``."""
        return {
            "asked": self.asked,
            "linked": self.linked,
            "withdrawn": self.withdrawn,
            "without_number": self.without_number,
            "log_head": self.head,
        }


@dataclass(frozen=True, slots=True)
class Files:
    """Where the controller's own files lie."""

    log: Path
    approvers: Path


def require_approved(request: LinkRequest, approver: str, token: str, files: Files, now: dt.datetime) -> None:
    """Refuses what was not approved by another person, for this very request, these days, and for the first time.

    Raises:
        RequestError: one of these; says which.
        ApproverError: nobody of this name may approve.
        LogBrokenError: the log was changed.
    """
    require_fresh(request, now)
    if " ".join(approver.split()).casefold() == request.by.casefold():
        raise RequestError("nobody approves their own request; ask a second person")
    if not is_approved(approvers.key_of(files.approvers, approver), token.strip(), approver, request.digest):
        raise RequestError("the token is not this person's for this very request: was the request changed after the approval?")
    if any(deed.what == OPENED and deed.details.get("digest") == request.digest for deed in log.read(files.log)):
        raise RequestError("this request was opened before; each is good for once, so make it anew")


def open_request(  # noqa: PLR0913, PLR0917  # all that an opening needs, each from somebody else
    request: LinkRequest,
    approver: str,
    sealed: dict[str, str],
    has_opted_out: Callable[[str], bool],
    opener: LinkageOpener,
    close: Callable[[bytes], bytes],
    files: Files,
    now: dt.datetime,
) -> tuple[Opened, bytes]:
    """Opens what was approved. The log has it before a single number is open.

    Args:
        request: as approved (``require_approved``).
        approver: who did.
        sealed: ``nhs_sealed`` by patient.
        has_opted_out: of a patient; who has is left out.
        opener: with the linkage key.
        close: encrypts for the recipient.
        files: the log.
        now: the clock.

    Returns:
        The counts, and the encrypted file: CSV, pseudonym and number.

    Raises:
        LogBrokenError: the log was changed; nothing is opened.
        SealError, KeyringError: this keyring is not the one; nothing is handed out.
    """
    withdrawn = {patient for patient in request.patients if has_opted_out(patient)}
    chosen = {patient: sealed[patient] for patient in request.patients if patient in sealed and patient not in withdrawn}
    details: dict[str, str | int] = {
        "request": request.id,
        "digest": request.digest,
        "reason": request.reason,
        "approved_by": approver,
        "asked": len(request.patients),
        "linked": len(chosen),
    }
    head = log.append(files.log, now, OPENED, request.by, details)
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(("Pseudonym", "NHS/CHI Number"))
    lines.writerows((patient, opener.open(number)) for patient, number in chosen.items())
    without = len(request.patients) - len(withdrawn) - len(chosen)
    return Opened(len(request.patients), len(chosen), len(withdrawn), without, head), close(text.getvalue().encode())
