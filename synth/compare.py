"""Says in words where the engine's answers differ from the truth of an invented world."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

_ANSWERED = ("collected", "data", "images")


def differences(truth: Json, status: Json, answers: Mapping[str, Json]) -> list[str]:
    """One line for each difference; none when all is as it should be.

    Args:
        truth: as ``synth.truth.truth`` makes it and ``truth.json`` holds it.
        status: what ``nccid status --json`` says.
        answers: by NHS number, what ``nccid check --json`` answers; what the truth does not speak of is not compared.
    """
    return [*_of_sites(truth["sites"], status["sites"]), *_of_people(truth["people"], answers)]


def _of_sites(expected: Json, found: Json) -> Iterator[str]:
    for site in sorted({*expected, *found}):
        if site not in found:
            yield f"{site}: missing, {expected[site]['cases']} cases expected"
        elif site not in expected:
            yield f"{site}: {found[site]['cases']} cases found, none expected"
        else:
            yield from _of_site(site, expected[site], found[site])


def _of_site(site: str, expected: Json, found: Json) -> Iterator[str]:
    yield from _count(f"{site}: cases", expected["cases"], found["cases"])
    for what in ("states", "flags", "studies"):
        for name in sorted({*expected[what], *found[what]}):
            yield from _count(f"{site}: {what}: {name}", expected[what].get(name, 0), found[what].get(name, 0))


def _count(what: str, expected: int, found: int) -> Iterator[str]:
    if expected != found:
        yield f"{what}: {expected} expected, {found} found"


def _of_people(expected: Json, answers: Mapping[str, Json]) -> Iterator[str]:
    for number, person in expected.items():
        answer = answers.get(number)
        if answer is None:
            yield f"{number}: not answered"
            continue
        for field in _ANSWERED:
            if person[field] != answer[field]:
                yield f"{number}: {field}: {_word(person[field])} expected, {_word(answer[field])} found"
        yield from _of_cases(number, person["cases"], answer["cases"])


def _of_cases(number: str, expected: list[Json], found: list[Json]) -> Iterator[str]:
    wanted, there = Counter(map(_case_text, expected)), Counter(map(_case_text, found))
    for text in sorted((wanted - there).elements()):
        yield f"{number}: case expected, not found: {text}"
    for text in sorted((there - wanted).elements()):
        yield f"{number}: case found, not expected: {text}"


def _case_text(case: Json) -> str:
    """A case in one line: RDGM positive complete, data main, xray 2 in 1 out of the window, flags no-nhs-number."""
    counts = ((kind, case["images"][kind]) for kind in ("xray", "ct", "mr", "other"))
    images = [f"{kind} {count['in_window']} in {count['out_of_window']} out" for kind, count in counts if any(count.values())]
    return (
        f"{case['site']} {case['group']} {case['state']}, data {case['data']}, images {', '.join(images) or 'none'}, "
        f"flags {' '.join(sorted(case['flags'])) or 'none'}"
    )


def _word(value: object) -> str:
    return "yes" if value else "no"
