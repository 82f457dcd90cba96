"""A status in few bytes: what the view keeps of each case, so that a million of them fit into half a gigabyte.

A ``CoverageStatus`` as Python objects takes more than a kilobyte. Packed it is one ``bytes`` of about a hundred: names from a
fixed list become their number, and the pseudonym of the patient is left out, since the case is found by it.
"""

import datetime as dt
from functools import lru_cache
from typing import get_args

import msgspec

from schemas.coverage import Case, CaseReconciled, Counts, CoverageStatus, Data, Flag, Group, Images, State

_GROUPS: tuple[Group, ...] = get_args(Group)
_STATES: tuple[State, ...] = get_args(State)
_DATA: tuple[Data, ...] = get_args(Data)
_FLAGS: tuple[Flag, ...] = get_args(Flag)
_STATE_NUMBER = {state: number for number, state in enumerate(_STATES)}
_FLAG_NUMBER = {flag: number for number, flag in enumerate(_FLAGS)}

FORM = repr((_GROUPS, _STATES, _DATA, _FLAGS))
"""What packed bytes mean depends on these; what was packed under another form is of no use any more."""


class Packed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A status without its patient, and the day on which the case was first heard of."""

    person: str | None
    site: str
    group: int
    state: int
    data: int
    flags: bytes  # a number each, in the order of the status
    images: tuple[int, int, int, int, int, int, int, int]
    since: dt.datetime
    deadline: dt.datetime | None
    updated_at: dt.datetime
    key_version: int
    first_day: int  # proleptic Gregorian ordinal, UTC

    @property
    def state_name(self) -> State:
        """The state by its name."""
        return _STATES[self.state]

    @property
    def flag_names(self) -> list[Flag]:
        """The flags by their names."""
        return [_FLAGS[number] for number in self.flags]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Packed).decode


def pack(known: CaseReconciled, status: CoverageStatus) -> bytes:
    """The status of a case as bytes."""
    images = status.images
    return _encode(
        Packed(
            person=status.person,
            site=status.site,
            group=_GROUPS.index(status.group),
            state=_STATE_NUMBER[status.state],
            data=_DATA.index(status.data),
            flags=bytes(_FLAG_NUMBER[flag] for flag in status.flags),
            images=(*_pair(images.xray), *_pair(images.ct), *_pair(images.mr), *_pair(images.other)),
            since=status.since,
            deadline=status.deadline,
            updated_at=status.updated_at,
            key_version=status.key_version,
            first_day=_first_heard_of(known.case, status).toordinal(),
        )
    )


def opened(packed: bytes) -> Packed:
    """What was packed, still with numbers for names."""
    return _decode(packed)


def unpack(patient: str, packed: bytes) -> CoverageStatus:
    """The status of this patient."""
    kept = _decode(packed)
    return CoverageStatus(
        patient=patient,
        person=kept.person,
        site=kept.site,
        group=_GROUPS[kept.group],
        state=_STATES[kept.state],
        flags=[_FLAGS[number] for number in kept.flags] if kept.flags else [],
        data=_DATA[kept.data],
        images=_images(kept.images),
        since=kept.since,
        deadline=kept.deadline,
        updated_at=kept.updated_at,
        key_version=kept.key_version,
    )


@lru_cache(maxsize=4096)
def _images(numbers: tuple[int, ...]) -> Images:
    """The counts; the same few come again and again, and none can be changed, so they are shared."""
    counts = [Counts(in_window=numbers[at], out_of_window=numbers[at + 1]) for at in (0, 2, 4, 6)]
    return Images(xray=counts[0], ct=counts[1], mr=counts[2], other=counts[3])


def _pair(counts: Counts) -> tuple[int, int]:
    return counts.in_window, counts.out_of_window


def _first_heard_of(case: Case, status: CoverageStatus) -> dt.datetime:
    """When the first row or study of a case came; of a patient who has opted out, when that was."""
    rows = [row.first_uploaded_at for row in (case.main, case.status) if row is not None]
    studies = [study.first_received_at for study in case.studies.values()]
    return min([*rows, *studies], default=status.since).astimezone(dt.UTC)
