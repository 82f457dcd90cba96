"""Sites: what concerns a site as a whole is one alert, not hundreds."""

import datetime as dt

from agents.sites import Sites, nothing_of
from schemas.alerts import MismatchSeen, RecordRejected, SiteFact, SiteReconciled, UploadSubmitted
from tests.factories import NOON, RULES

STEP = Sites(RULES)


def upload(name: str = "u1", rows: int = 20, at: dt.datetime = NOON) -> UploadSubmitted:
    return UploadSubmitted(event=name, site="RDGM", kind="positive", upload=name, uploaded_at=at, rows=rows)


def mismatch(patient: str, *, name: str | None = "u1", still: bool = True) -> MismatchSeen:
    forms = "the spreadsheet writes 99999999, PACS writes AA99999999"
    return MismatchSeen(site="RDGM", upload=name, patient=patient, open=still, forms=forms)


def rejected(minute: int) -> RecordRejected:
    return RecordRejected(site="RDGM", event=f"e{minute}", reason="unknown-site", at=NOON + dt.timedelta(minutes=minute))


def after(*facts: SiteFact, kept: SiteReconciled | None = None) -> SiteReconciled:
    known = kept or nothing_of("RDGM")
    for fact in facts:
        known = STEP(known, fact)
    return known


def alerts(known: SiteReconciled) -> dict[str, str]:
    return {alert.kind: alert.state for alert in known.alerts}


def test_a_sheet_written_for_another_system_is_one_alert_that_says_what_to_do() -> None:
    known = after(upload(), *(mismatch(f"P{number}") for number in range(5)))
    assert alerts(known) == {"identifier-shift": "open"}
    assert known.alerts[0].text == (
        "5 of the 20 rows that RDGM uploaded on 07/05/2020 miss their images, since the hospital number is written differently: "
        "the spreadsheet writes 99999999, PACS writes AA99999999; correct column 2 and upload again"
    )


def test_a_few_slips_are_no_shift() -> None:
    assert alerts(after(upload(), *(mismatch(f"P{number}") for number in range(4)))) == {}
    assert alerts(after(upload(rows=25), *(mismatch(f"P{number}") for number in range(5)))) == {}


def test_it_makes_no_difference_which_comes_first_and_repetition_counts_once() -> None:
    told = [mismatch(f"P{number}") for number in range(5)]
    assert after(*told, upload()).uploads == after(upload(), *told, *told).uploads


def test_a_corrected_upload_resolves_it_and_keeps_the_id() -> None:
    shifted = after(upload(), *(mismatch(f"P{number}") for number in range(5)))
    mended = after(mismatch("P0", still=False), kept=shifted)
    again = after(mismatch("P0"), kept=mended)
    assert [alerts(each)["identifier-shift"] for each in (shifted, mended, again)] == ["open", "resolved", "open"]
    assert {each.alerts[0].id for each in (shifted, mended, again)} == {"identifier-shift/RDGM"}
    assert [turn.state for turn in again.alerts[0].history] == ["open", "resolved", "open"]


def test_a_patient_who_opts_out_counts_in_no_upload_any_more() -> None:
    known = after(upload(), mismatch("P0"), mismatch("P1"), mismatch("P0", name=None, still=False))
    assert [tally.mismatched for tally in known.uploads] == [["P1"]]


def test_no_upload_for_a_week_is_told_by_the_clock_and_over_with_the_next_upload() -> None:
    known = after(upload())
    due = NOON + dt.timedelta(days=7)
    assert STEP.deadline(known) == due
    assert STEP.ticked(known, due - dt.timedelta(seconds=1)) == known
    overdue = STEP.ticked(known, due)
    assert alerts(overdue) == {"no-upload": "open"}
    assert STEP.deadline(overdue) is None
    assert alerts(after(upload("u2", at=due + dt.timedelta(hours=1)), kept=overdue)) == {"no-upload": "resolved"}


def test_ten_rejections_within_an_hour_are_a_burst_that_passes() -> None:
    nearly = after(*(rejected(minute) for minute in range(9)))
    assert alerts(nearly) == {}
    burst = after(rejected(9), kept=nearly)
    assert alerts(burst) == {"quarantine-burst": "open"}
    assert STEP.deadline(burst) == NOON + dt.timedelta(minutes=69)
    assert alerts(STEP.ticked(burst, NOON + dt.timedelta(minutes=69))) == {"quarantine-burst": "resolved"}


def test_rejections_far_apart_are_no_burst() -> None:
    assert alerts(after(*(rejected(20 * number) for number in range(12)))) == {}
