"""Pace: whether a part of the flow has become slower, said as a ratio, so that neither machine nor neighbours matter.

A part's time is divided by that of a loop which does nothing of ours, only what our parts are made of: decoding, dictionaries,
attributes, sorting, hashing. Both are timed in turns of a few milliseconds, in processor time, and of all turns the best of each
counts: what another program takes away only ever makes a turn longer.
"""

import datetime as dt
import gc
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

BASELINE = Path(__file__).with_name("pace.json")
ALLOWED = 1.25
"""So many times the baseline is still no failure."""

_TURN_SECONDS = 0.002
_TURNS = 150
_TRIES = 8

Work = Callable[[], object]


class Pace(msgspec.Struct, frozen=True):
    """One part: how it compares with the loop now, and how it did when somebody last accepted it (None: never)."""

    part: str
    ratio: float
    accepted: float | None

    @property
    def is_slower(self) -> bool:
        """Whether it is beyond what is allowed, or nobody has accepted anything."""
        return self.accepted is None or self.ratio > ALLOWED * self.accepted

    @property
    def words(self) -> str:
        """What there is to say of it."""
        if self.accepted is None:
            return f"{self.part}: {self.ratio:.2f} times the loop, and no baseline: `nccid bench pace --accept` makes one"
        change = f"{self.part}: {self.ratio:.2f} times the loop, {self.ratio / self.accepted - 1:+.0%} on {self.accepted:.2f}"
        return f"{change}, and {ALLOWED - 1:.0%} is allowed" if self.is_slower else change


def read_baseline(path: Path = BASELINE) -> dict[str, float]:
    """What was accepted last, by part; nothing where nothing was."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, float]) if path.exists() else {}


def accept(paces: list[Pace], path: Path = BASELINE) -> None:
    """From now on, this is the baseline."""
    ratios = {pace.part: round(pace.ratio, 3) for pace in paces}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(ratios, order="sorted"), indent=2) + b"\n")


def measure(parts: Mapping[str, Work], accepted: Mapping[str, float]) -> list[Pace]:
    """Each part's pace. One that seems slower is measured again, as is a new baseline: slowness stays, chance does not."""
    return [_measured(part, work, accepted.get(part)) for part, work in parts.items()]


def _measured(part: str, work: Work, accepted: float | None) -> Pace:
    pace = Pace(part, ratio(work), accepted)
    for _ in range(_TRIES - 1):
        if not pace.is_slower:
            return pace
        pace = Pace(part, min(pace.ratio, ratio(work)), accepted)
    return pace


def ratio(work: Work) -> float:
    """How many times as long as the loop it takes."""
    turn, loop_turn = _calls_in_a_turn(work), _calls_in_a_turn(loop)
    gc.collect()
    gc.disable()
    try:
        pairs = [(_seconds(work, turn), _seconds(loop, loop_turn)) for _ in range(_TURNS)]
    finally:
        gc.enable()
    return min(pair[0] for pair in pairs) / min(pair[1] for pair in pairs)


def _calls_in_a_turn(work: Work) -> int:
    work()
    return max(1, round(_TURN_SECONDS / min(_seconds(work, 3) for _ in range(20))))


def _seconds(work: Work, calls: int) -> float:
    """Processor time of one call."""
    began = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - began) / calls


class _Inner(msgspec.Struct, frozen=True):
    at: dt.datetime
    counts: dict[str, int]


class _Outer(msgspec.Struct, frozen=True):
    name: str
    inner: dict[str, _Inner]


_BYTES = msgspec.json.encode(
    _Outer("loop", {f"key-{each}": _Inner(dt.datetime(2020, 5, 7, tzinfo=dt.UTC), {"a": each, "b": 2}) for each in range(8)})
)
_decode = msgspec.json.Decoder(_Outer).decode


def loop() -> bytes:
    """What a part is compared with. Change it, and every baseline has to be accepted anew."""
    outer = _decode(_BYTES)
    latest = max([inner.at for inner in outer.inner.values()])
    counted: dict[str, int] = {}
    for name, inner in outer.inner.items():
        for which, count in inner.counts.items():
            counted[which] = counted.get(which, 0) + (count if inner.at == latest and name.startswith("key") else 0)
    grown = {name: _Inner(inner.at, dict(sorted({**inner.counts, **counted}.items()))) for name, inner in outer.inner.items()}
    written = msgspec.json.encode(_Outer(outer.name, grown))
    return hashlib.sha256(written).digest()
