"""What a world must reconcile to, worked out by definition: no streams, no pseudonyms, nothing of the engine."""

from collections import Counter, defaultdict
from typing import Any

from synth.arrivals import arrivals
from synth.judgement import has_chest_image, judged, studies_by_kind
from synth.model import World

Judged = dict[str, Any]


def truth(world: World) -> dict[str, Any]:
    """The coverage after the last delivery, when the short deadlines of the impatient sites have passed, and no others.

    All states and flags of the engine can come out. What PACS sends is still arriving in the end: the rules of the world give it
    an hour to be quiet, and a folder of images is there as a whole.

    Returns:
        ``sites``: what ``nccid status --json`` must say. ``people``: by NHS number, what the Checker must answer; the numbers of
        everybody in the world, and some that nobody has sent.
    """
    by_site: dict[str, list[Judged]] = defaultdict(list)
    by_person: dict[str, list[Judged]] = defaultdict(list)
    for case in arrivals(world).values():
        by_site[case.site].append(judgement := judged(case, world.today, impatient=case.site in world.impatient))
        if number := case.person:
            by_person[number].append(judgement)
    numbers = sorted({one.nhs_number for one in world.people}.union(world.strangers))
    return {
        "sites": {site: _coverage(by_site[site]) for site in world.sites if site in by_site},
        "people": {number: _answer(by_person.get(number, [])) for number in numbers},
    }


def _coverage(cases: list[Judged]) -> dict[str, Any]:
    studies: Counter[str] = Counter({"xray": 0, "ct": 0, "mr": 0})
    for case in cases:
        studies.update(studies_by_kind(case["images"]))
    return {
        "cases": len(cases),
        "states": _sorted(Counter(case["state"] for case in cases)),
        "flags": _sorted(Counter(flag for case in cases for flag in case["flags"])),
        "studies": dict(studies),
    }


def _answer(cases: list[Judged]) -> dict[str, Any]:
    return {
        "collected": any(case["state"] != "withdrawn" for case in cases),
        "data": any(case["data"] != "none" for case in cases),
        "images": any(has_chest_image(case["images"]) for case in cases),
        "cases": sorted(cases, key=lambda case: (case["site"], case["state"])),
    }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
