"""Coverage per site: cases by state and flag, studies by kind, in the window or not."""

import datetime as dt

from monitoring.coverage import coverage
from tests.factories import FILMED, NOON, RR2, Flow, raw_row, raw_study

EARLIER = dt.date(2010, 1, 1)


def test_nothing_is_no_site() -> None:
    assert coverage([]) == {}


def test_cases_states_flags_and_studies() -> None:
    flow = Flow().arrives(
        raw_row(),
        raw_study(study="a", instances={"DX": 1, "CT": 90}),
        raw_study(study="b", study_date=EARLIER),
        raw_study(study="c", study_date=FILMED, instances={"MR": 9}),
        raw_row(hospital_number=RR2, nhs_number=None, uploaded_at=NOON),
        raw_row(site="PENM", hospital_number="0999123"),
        raw_study(site="EXMR", patient_id="XX0999123", instances={"US": 1}),
    )
    counted = {code: site.as_json() for code, site in coverage(flow.statuses().values()).items()}
    assert counted == {
        "EXMR": {
            "cases": 1,
            "states": {"awaiting-spreadsheet": 1},
            "flags": {"unexpected-modality": 1},
            "studies": {"xray": 0, "ct": 0, "mr": 0},
        },
        "PENM": {"cases": 1, "states": {"awaiting-images": 1}, "flags": {}, "studies": {"xray": 0, "ct": 0, "mr": 0}},
        "RDGM": {
            "cases": 2,
            "states": {"awaiting-images": 1, "complete": 1},
            "flags": {"images-outside-window": 1, "no-nhs-number": 1},
            "studies": {"xray": 2, "ct": 1, "mr": 1},
        },
    }
    assert list(counted) == sorted(counted)


def test_the_sum_of_states_is_the_number_of_cases() -> None:
    flow = Flow().arrives(*(raw_row(hospital_number=f"RR9990000{each}", nhs_number=None) for each in range(9)))
    (site,) = coverage(flow.statuses().values()).values()
    assert (site.cases, sum(site.states.values())) == (9, 9)
