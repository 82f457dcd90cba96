"""People: groups the cases of a person, and tells each case what the others mean for it.

reads    nccid.person-cases (PersonCaseSeen, PersonWithdrawn)
writes   nccid.people (PersonReconciled), the changelog of what it keeps; nccid.reviews (CaseReviewed), to reconcile
keeps    the cases of a person, over all sites and numbers
rejects  nothing

Reviews are said again at every turn, also when nothing has changed: a crash between two writes can then lose none of them.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from schemas.people import (
    CaseReviewed,
    PersonCase,
    PersonCaseSeen,
    PersonEvent,
    PersonFlag,
    PersonReconciled,
    PersonRow,
    Review,
)


def people(kept: PersonReconciled, event: PersonEvent) -> PersonReconciled:
    """What is known of a person after one more event."""
    match event:
        case PersonCaseSeen():
            known = next((each for each in kept.cases if each.patient == event.case.patient), None)
            cases = [_merged(known, event.case), *(each for each in kept.cases if each is not known)]
            cases.sort(key=lambda each: (each.site, each.patient))
            return replace(kept, cases=cases, flags=_flags(cases))
        case _:
            first = min(filter(None, (kept.withdrawn_at, event.withdrawn_at)))
            return replace(kept, withdrawn_at=first)


def reviews(person: PersonReconciled) -> list[CaseReviewed]:
    """What each case has to know; nothing where there is one case only, which has not been withdrawn."""
    if len(person.cases) < 2 and person.withdrawn_at is None:
        return []
    return [
        CaseReviewed(
            match=case.match,
            patient=case.patient,
            site=case.site,
            key_version=case.key_version,
            person=person.person,
            review=_review(case, [each for each in person.cases if each.site == case.site and not each.withdrawn], person),
        )
        for case in person.cases
    ]


def _merged(known: PersonCase | None, new: PersonCase) -> PersonCase:
    """What is known of a case; of a patient who has opted out nothing is kept but that there is the case."""
    if new.withdrawn or (known is not None and known.withdrawn):
        return replace(new, main=None, status=None, has_studies=False, named_by_images=False, form="", withdrawn=True)
    if known is None:
        return new
    return replace(
        new,
        main=_later(known.main, new.main),
        status=_later(known.status, new.status),
        has_studies=known.has_studies or new.has_studies,
        named_by_images=known.named_by_images or new.named_by_images,
    )


def _later(known: PersonRow | None, new: PersonRow | None) -> PersonRow | None:
    if known is None or new is None:
        return known or new
    return new if new.rank > known.rank else known


def _review(case: PersonCase, at_site: list[PersonCase], person: PersonReconciled) -> Review:
    return Review(
        main_moved=_moved(case.main, (each.main for each in at_site)),
        status_moved=_moved(case.status, (each.status for each in at_site)),
        several=_has_rows(case, at_site) and sum(_has_rows(each, at_site) for each in at_site) > 1,
        counterpart=_counterpart(case, at_site),
        withdrawn_at=person.withdrawn_at,
    )


def _moved(row: PersonRow | None, rows: Iterable[PersonRow | None]) -> PersonRow | None:
    """The row itself where a later upload of the site has the person under another number; the guideline's latest upload wins."""
    if row is None or not row.mine:
        return None
    later = any(each is not None and each.mine and each.rank > row.rank and each.upload != row.upload for each in rows)
    return row if later else None


def _rows(case: PersonCase, at_site: list[PersonCase]) -> list[PersonRow]:
    """The rows of a case that name the person and have not moved."""
    pairs = ((case.main, [each.main for each in at_site]), (case.status, [each.status for each in at_site]))
    return [row for row, others in pairs if row is not None and row.mine and _moved(row, others) is None]


def _has_rows(case: PersonCase, at_site: list[PersonCase]) -> bool:
    return bool(_rows(case, at_site))


def _counterpart(case: PersonCase, at_site: list[PersonCase]) -> str | None:
    """The form of the other half: a row without images under one number, images without a row under another."""
    rows_only = [each for each in at_site if _has_rows(each, at_site) and not each.has_studies]
    images_only = [each for each in at_site if _is_by_images(each, at_site)]
    others = images_only if case in rows_only else rows_only if case in images_only else []
    return min((each.form for each in others), default=None)


def _is_by_images(case: PersonCase, at_site: list[PersonCase]) -> bool:
    """Images without a row, whose PatientID says whose they are."""
    pairs = ((case.main, [each.main for each in at_site]), (case.status, [each.status for each in at_site]))
    return case.named_by_images and all(row is None or _moved(row, others) is not None for row, others in pairs)


def _flags(cases: list[PersonCase]) -> list[PersonFlag]:
    cases = [case for case in cases if not case.withdrawn]
    if len(cases) == 1:
        return ["contradicting-results"] if _contradicts_itself(cases[0]) else []
    sites = {case.site: [each for each in cases if each.site == case.site] for case in cases}
    results = {_result(row, case) for case in cases for row in _rows(case, sites[case.site])}
    theirs = {case.site for case in cases if _has_rows(case, sites[case.site]) or _is_by_images(case, sites[case.site])}
    held: dict[PersonFlag, bool] = {
        "several-sites": len(theirs) > 1,
        "several-hospital-numbers": any(sum(_has_rows(each, at) for each in at) > 1 for at in sites.values()),
        "contradicting-results": len(results) > 1,
    }
    return [flag for flag, holds in held.items() if holds]


def _contradicts_itself(case: PersonCase) -> bool:
    """In the main sheet, and negative in the status sheet; a case alone has no row that moved."""
    main, status = case.main, case.status
    return main is not None and main.mine and status is not None and status.mine and status.result != 1


def _result(row: PersonRow, case: PersonCase) -> int:
    """1 for a row of the main sheet, which is for positive patients; else what the status sheet says."""
    return 1 if row is case.main else row.result or 0
