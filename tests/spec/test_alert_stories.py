"""Alerts: what opens one, what it says, what resolves it; the same trouble again is the same alert, with all its turns.

``turns`` in a story: day, hour and minute of May 2020, + for opened and - for resolved.
"""

import pytest

from schemas.alerts import AlertKind
from schemas.rules import parse_rules
from tests.spec.stories import alerts_told, flow_of, sites_alerts_told, table

OPENS: dict[AlertKind, tuple[str, str, tuple[str, ...]]] = {
    "images-missing": (
        "act",
        """
        | when             | what         | swab       |
        | 2020-05-05 09:00 | positive row | 2020-05-01 |
        | 2020-05-13 00:00 | clock        |            |
        """,
        ("overdue since 12/05/2020", "ask PACS", "chest X-ray or CT from 01/05/2017 on"),
    ),
    "spreadsheet-missing": (
        "act",
        """
        | when             | what  |
        | 2020-05-05 09:00 | study |
        | 2020-05-13 00:00 | clock |
        """,
        ("overdue since 12/05/2020", "add this patient to the sheet and upload it"),
    ),
    "probable-id-mismatch": (
        "act",
        """
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | 99900001   |
        | 2020-05-06 09:00 | study        | RR99900001 |
        """,
        ("the spreadsheet writes 99999999, PACS writes AA99999999", "write column 2 as PACS does, and upload again"),
    ),
    "several-patient-ids-in-study": (
        "act",
        """
        | when             | what         | patients |
        | 2020-05-05 09:00 | positive row |          |
        | 2020-05-06 09:00 | study        | 2        |
        """,
        ("ask PACS whose study it is", "send it again"),
    ),
    "several-hospital-numbers": (
        "look",
        """
        | when             | what         | number     | upload | row |
        | 2020-05-05 09:00 | positive row | RR99900001 | one    | 2   |
        | 2020-05-05 09:00 | positive row | RR99900002 | one    | 3   |
        """,
        ("under two hospital numbers", "correct the wrong one and upload again"),
    ),
    "only-images-outside-window": (
        "look",
        """
        | when             | what         | swab       | dated      |
        | 2020-05-05 09:00 | negative row | 2020-05-01 |            |
        | 2020-05-06 09:00 | study        |            | 2020-03-01 |
        """,
        ("check the swab date in the row", "ask PACS for studies from 03/04/2020 to 29/05/2020"),
    ),
    "no-upload": (
        "act",
        """
        | when             | what   |
        | 2020-05-05 09:00 | upload |
        | 2020-05-13 00:00 | clock  |
        """,
        ("RDGM has uploaded nothing since 05/05/2020", "call the site"),
    ),
}
"""Kind -> how grave, what arrived, and what the text has to say."""


@pytest.mark.parametrize("kind", OPENS)
def test_each_kind_opens_with_a_text_that_says_what_to_do(kind: AlertKind) -> None:
    severity, arrived, says = OPENS[kind]
    flow = flow_of(f"arrived\n{arrived}", "as it arrived")
    alerts = [alert for alert in (*flow.alerts(), *flow.site_alerts()) if alert.kind == kind]
    assert alerts
    for alert in alerts:
        assert (alert.state, alert.severity, alert.site) == ("open", severity, "RDGM")
        assert [words for words in says if words not in alert.text] == []
        assert [turn.state for turn in alert.history] == ["open"]


@pytest.mark.parametrize("kind", OPENS)
def test_an_alert_names_nobody_by_number(kind: AlertKind) -> None:
    flow = flow_of(f"arrived\n{OPENS[kind][1]}", "as it arrived")
    said = "".join(f"{alert.id} {alert.text}" for alert in (*flow.alerts(), *flow.site_alerts()))
    assert [number for number in ("99900001", "99900002", "9994621785") if number in said] == []


def test_nothing_is_the_matter_with_a_complete_patient() -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | upload       |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-06 09:00 | study        |
        | 2020-05-12 08:59 | clock        |
    """
    assert alerts_told(story) == []
    assert sites_alerts_told(story) == []


def test_a_patient_who_waits_within_the_time_is_no_alert() -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-05 09:00 | study        | RR99900002 |
        | 2020-05-12 08:59 | clock        |            |
    """
    assert alerts_told(story) == []


def test_images_that_come_resolve_it() -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-13 00:00 | clock        |
        | 2020-05-14 10:00 | study        |

        alerts
        | kind           | case       | is       | since            | turns               |
        | images-missing | RR99900001 | resolved | 2020-05-14 10:00 | +12 09:00, -14 10:00 |
    """
    assert alerts_told(story) == table(story, "alerts")


def test_a_row_that_comes_resolves_it() -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | study        |
        | 2020-05-13 00:00 | clock        |
        | 2020-05-14 10:00 | positive row |

        alerts
        | kind                | is       | turns                |
        | spreadsheet-missing | resolved | +12 09:00, -14 10:00 |
    """
    assert alerts_told(story) == table(story, "alerts")


def test_the_same_trouble_again_is_the_same_alert_and_time_only_goes_forward() -> None:
    """Images came late; then the swab date was corrected, and they lie outside the window: they are missing once more."""
    story = """
        arrived
        | when             | what         | swab       | dated      |
        | 2020-05-05 09:00 | positive row | 2020-05-01 |            |
        | 2020-05-13 00:00 | clock        |            |            |
        | 2020-05-14 10:00 | study        |            | 2017-05-02 |
        | 2020-05-15 10:00 | positive row | 2020-05-04 |            |
        | 2020-05-16 10:00 | positive row | 2020-05-01 |            |

        alerts
        | kind                       | is       | since            | turns                                      |
        | images-missing             | resolved | 2020-05-16 10:00 | +12 09:00, -14 10:00, +15 10:00, -16 10:00 |
        | only-images-outside-window | resolved | 2020-05-16 10:00 | +12 09:00, -16 10:00                       |
    """
    assert alerts_told(story) == table(story, "alerts")


def test_a_mismatch_is_over_when_images_come_as_the_row_writes_it() -> None:
    story = """
        arrived
        | when             | what         | number     | study |
        | 2020-05-05 09:00 | positive row | RR99900001 |       |
        | 2020-05-06 09:00 | study        | 99900001   | S1    |
        | 2020-05-07 09:00 | study        | RR99900001 | S2    |

        alerts
        | kind                 | case       | is       |
        | probable-id-mismatch | RR99900001 | resolved |
        | probable-id-mismatch | 99900001   | resolved |
    """
    told = alerts_told(story)
    assert sorted(told, key=str) == sorted(table(story, "alerts"), key=str)


def test_a_mismatch_is_over_when_the_row_is_corrected() -> None:
    """The corrected row moves to the right number; the case that is left with nothing is gone, with its alert."""
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | 99900001   |
        | 2020-05-06 09:00 | study        | RR99900001 |
        | 2020-05-07 09:00 | positive row | RR99900001 |

        alerts
        | kind                 | case       | is       |
        | probable-id-mismatch | RR99900001 | resolved |
        | probable-id-mismatch | 99900001   | resolved |
    """
    told = alerts_told(story)
    assert sorted(told, key=str) == sorted(table(story, "alerts"), key=str)


def test_a_case_that_is_gone_has_its_alerts_resolved() -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-13 00:00 | clock        |            |
        | 2020-05-14 09:00 | positive row | RR99900002 |

        alerts
        | kind           | case       | is       |
        | images-missing | RR99900001 | resolved |
    """
    assert alerts_told(story) == table(story, "alerts")


def test_who_opted_out_is_nobodys_turn() -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-13 00:00 | clock        |            |
        | 2020-05-14 09:00 | withdrawal   | RR99900001 |

        alerts
        | kind           | case       | is       | turns                |
        | images-missing | RR99900001 | resolved | +12 09:00, -14 09:00 |
    """
    assert alerts_told(story) == table(story, "alerts")


def test_the_window_that_is_asked_for_is_that_of_the_row_that_stands() -> None:
    """The main row has moved to another number; what is missing here are the images of the negative row."""
    flow = flow_of("""
        arrived
        | when             | what         | number     | nhs        | swab       |
        | 2020-05-05 09:00 | positive row | RR99900001 | 9994621785 | 2020-05-01 |
        | 2020-05-05 09:30 | negative row | RR99900001 | 9995451018 | 2020-05-01 |
        | 2020-05-06 09:00 | positive row | RR99900002 | 9994621785 | 2020-05-01 |
        | 2020-05-14 00:00 | clock        |            |            |            |
    """, "as it arrived")  # fmt: skip
    texts = [alert.text for alert in flow.alerts() if "to 29/05/2020" in alert.text]
    assert len(texts) == 1


def test_a_site_that_uploads_again_in_time_is_no_alert() -> None:
    story = """
        arrived
        | when             | what   |
        | 2020-05-05 09:00 | upload |
        | 2020-05-11 09:00 | upload |
        | 2020-05-13 00:00 | clock  |
    """
    assert sites_alerts_told(story) == []


def test_a_site_that_uploads_again_and_stops_again() -> None:
    story = """
        arrived
        | when             | what    |
        | 2020-05-05 09:00 | upload  |
        | 2020-05-12 09:00 | clock   |
        | 2020-05-13 10:00 | upload  |
        |                  | restart |
        | 2020-05-19 00:00 | clock   |
        | 2020-05-21 00:00 | clock   |

        alerts
        | kind      | site | is   | since            | severity | turns                           |
        | no-upload | RDGM | open | 2020-05-20 10:00 | act      | +12 09:00, -13 10:00, +20 10:00 |
    """
    assert sites_alerts_told(story) == table(story, "alerts")


def test_each_site_has_its_own_time_for_uploads() -> None:
    story = """
        arrived
        | when             | what   | site |
        | 2020-05-05 09:00 | upload | RDGM |
        | 2020-05-05 09:00 | upload | PENM |
        | 2020-05-07 09:00 | clock  |      |

        alerts
        | kind      | site | since            |
        | no-upload | PENM | 2020-05-07 09:00 |
    """
    assert sites_alerts_told(story, parse_rules('[site.PENM.alerts]\nno_upload = "2d"\n')) == table(story, "alerts")


def test_a_site_that_has_never_uploaded_is_not_missed() -> None:
    story = """
        arrived
        | when             | what  |
        | 2020-05-05 09:00 | study |
        | 2020-09-05 09:00 | clock |
    """
    assert sites_alerts_told(story) == []
