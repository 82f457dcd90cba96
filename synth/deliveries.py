"""From turns to deliveries: who gives in what when, with the files that sites give in once more."""

from typing import NamedTuple

from synth.draft import Draft
from synth.model import Delivery, Door, Patient, Row

_DOORS: dict[Door, float] = {"negative": 0.05, "positive": 0.35, "images": 0.65, "pacs": 0.917, "withdraw": 0.94}
"""When in a turn each door is used."""

_SITES_APART = 0.2  # of a turn, from the first site to the last at the same door
_SOON_AFTER = 0.03  # of a turn: later than the delivery before, earlier than the site's next


class _File(NamedTuple):
    site: str
    door: Door
    turn: int


def old_file_site(draft: Draft) -> str:
    """The site that uploads its first status sheet again after the second, which undoes the second's corrections."""
    return next(iter(draft.sites))


def deliveries(draft: Draft) -> tuple[Delivery, ...]:
    """All deliveries in the order of time, which runs from 0 to 1; no two at once."""
    files = [_File(site, door, turn) for site in draft.sites for turn in range(draft.turns) for door in _DOORS]
    moments = [(_time(draft, file), file) for file in files] + _again(draft)
    given = sorted((time, file) for time, file in moments if _is_filled(draft, file))
    first, last = given[0][0], given[-1][0]
    made: dict[_File, int] = {}
    result = []
    for place, (time, file) in enumerate(given):
        at = round((time - first) / ((last - first) or 1), 5)
        result.append(_delivery(draft, file, at, made.get(file)))
        made.setdefault(file, place)
    return tuple(result)


def _again(draft: Draft) -> list[tuple[float, _File]]:
    """What is given in a second time, and when: an old sheet, two sheets and one folder of images as they were."""
    codes = list(draft.sites)
    old = _File(old_file_site(draft), "negative", 0)
    same = [
        _File(codes[1 % len(codes)], "positive", 1),
        _File(codes[-1], "negative", draft.turns - 1),
        _File(codes[-1], "images", 0),
    ]
    after_correction = _time(draft, old._replace(turn=1)) + _SOON_AFTER
    return [(after_correction, old), *((_time(draft, file) + _SOON_AFTER, file) for file in same)]


def _time(draft: Draft, file: _File) -> float:
    apart = list(draft.sites).index(file.site) * _SITES_APART / len(draft.sites)
    return file.turn + _DOORS[file.door] + apart


def _is_filled(draft: Draft, file: _File) -> bool:
    match file.door:
        case "images":
            return (file.site, file.turn) in draft.sendings
        case "pacs":
            return (file.site, file.turn) in draft.from_pacs
        case "withdraw":
            return (file.site, file.turn) in draft.withdrawals
        case _:
            return bool(_rows(draft, file))


def _rows(draft: Draft, file: _File) -> dict[Patient, Row]:
    rows: dict[Patient, Row] = {}
    for turn in range(file.turn + 1) if _is_cumulative(draft, file) else (file.turn,):
        rows |= draft.rows.get((file.site, file.door, turn), {})
    return rows


def _is_cumulative(draft: Draft, file: _File) -> bool:
    return file.door == "positive" and file.site == draft.cumulative_site


def _delivery(draft: Draft, file: _File, at: float, repeats: int | None) -> Delivery:
    place, rows = (file.site, file.turn), tuple(_rows(draft, file).values())
    by_door = {"images": draft.sendings, "pacs": draft.from_pacs}
    sendings = by_door[file.door].get(place, []) if file.door in by_door else []
    withdrawals = draft.withdrawals.get(place, []) if file.door == "withdraw" else []
    return Delivery(file.site, at, file.door, rows, tuple(sendings), tuple(withdrawals), repeats)
