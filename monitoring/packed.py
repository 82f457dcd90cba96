"""A status in few bytes that is nearly its own JSON: what the view keeps of each case, so that a million fit into little memory.

A ``CoverageStatus`` as Python objects takes more than a kilobyte, and writing it out takes longer than finding it. What many
statuses have in common (site, state, flags, counts of images) is kept once, as the JSON that it becomes; each has its own
pseudonyms and times. To answer, the pieces are put side by side.
"""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from monitoring.coverage import KINDS
from schemas.coverage import Case, CaseReconciled, Counts, CoverageStatus, Data, Flag, Group, Images, State
from schemas.wire import Wire

_KINDS_KEPT, _DAYS_KEPT = 1 << 16, 1 << 14
_SINCE = len('"since":"')

FORM = msgspec.json.encode(msgspec.json.schema(CoverageStatus), order="deterministic").decode()
"""What is kept depends on it; what was kept under another form is of no use any more."""


class _Common(msgspec.Struct, frozen=True, kw_only=True):
    """What many statuses have in common."""

    site: str
    group: Group
    state: State
    flags: list[Flag]
    data: Data
    images: Images
    key_version: int


class _Times(msgspec.Struct, frozen=True, kw_only=True):
    """When; of each status its own."""

    since: dt.datetime
    deadline: dt.datetime | None
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """What many statuses have in common: as the JSON of these fields without braces, and as what is counted."""

    text: str
    site: str
    state: State
    flags: tuple[Flag, ...]
    studies: dict[str, int]  # by kind, in the window or not


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A status, and the day on which the case was first heard of."""

    patient: str
    person: str | None
    alike: Alike
    times: str  # JSON without braces
    first_day: int  # proleptic Gregorian ordinal, UTC

    @property
    def since_day(self) -> int:
        """The UTC day since which the case is in its state, as an ordinal."""
        return dt.date.fromisoformat(self.times[_SINCE : _SINCE + 10]).toordinal()

    def json(self) -> str:
        """The status as JSON; pseudonyms are letters and digits, so nothing in them has to be escaped."""
        person = "null" if self.person is None else f'"{self.person}"'
        return f'{{"patient":"{self.patient}","person":{person},{self.alike.text},{self.times}}}'


class _Foreign(Packed, frozen=True, gc=False):
    """One with pseudonyms that are none of ours. No step of ours publishes it; if somebody does, it must not break an answer."""

    def json(self) -> str:
        """The status as JSON."""
        return f'{{"patient":{_json(self.patient)},"person":{_json(self.person)},{self.alike.text},{self.times}}}'


_decode_status = msgspec.json.Decoder(CoverageStatus).decode
_decode_common = msgspec.json.Decoder(_Common).decode


def pack(known: CaseReconciled, status: CoverageStatus) -> Packed:
    """The status of a case, packed."""
    common = _Common(
        site=status.site,
        group=status.group,
        state=status.state,
        flags=status.flags,
        data=status.data,
        images=status.images,
        key_version=status.key_version,
    )
    deadline = status.deadline and status.deadline.astimezone(dt.UTC)
    since, updated_at = status.since.astimezone(dt.UTC), status.updated_at.astimezone(dt.UTC)
    times = _json(_Times(since=since, deadline=deadline, updated_at=updated_at))[1:-1]
    return repack(status.patient, status.person, _json(common)[1:-1], times, _first_heard_of(known.case, status).toordinal())


def repack(patient: str, person: str | None, text: str, times: str, first_day: int) -> Packed:
    """Put together from its parts; what it has in common with others is theirs too."""
    ours = f"{patient}{person or ''}"
    form = Packed if ours.isascii() and ours.isalnum() else _Foreign
    return form(patient, person, _alike(text), times, _day(first_day))


def unpack(packed: Packed) -> CoverageStatus:
    """The status as a record."""
    return _decode_status(packed.json())


@lru_cache(_KINDS_KEPT)
def _alike(text: str) -> Alike:
    common = _decode_common(f"{{{text}}}")
    studies = {kind: _all(getattr(common.images, kind)) for kind in KINDS}
    return Alike(text, common.site, common.state, tuple(common.flags), studies)


@lru_cache(_DAYS_KEPT)
def _day(ordinal: int) -> int:
    """The same day as the same object: a number of its own for each case would be 32 bytes."""
    return ordinal


def _json(value: object) -> str:
    return Wire.encode(value).decode()


def _all(counts: Counts) -> int:
    return counts.in_window + counts.out_of_window


def _first_heard_of(case: Case, status: CoverageStatus) -> dt.datetime:
    """When the first row or study of a case came; of a patient who has opted out, when that was."""
    rows = [row.first_uploaded_at for row in (case.main, case.status) if row is not None]
    studies = [study.first_received_at for study in case.studies.values()]
    return min([*rows, *studies], default=status.since).astimezone(dt.UTC)
