"""Alerts: opens one when a person has to act for a patient, resolves it when that is done.

reads    nccid.coverage-status (CasesReconciled)
writes   nccid.alerts (AlertsRaised), the changelog of what it keeps; nccid.site-facts (MismatchSeen)
keeps    the alerts of the cases of a match
rejects  nothing

An alert's id is made of kind, site and patient alone: the same trouble again is the same alert, opened again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from agents.status import effective
from agents.troubles import Trouble, turned
from agents.window import window
from schemas.alerts import AlertKind, AlertsRaised, MismatchSeen, Severity
from schemas.coverage import Case, CaseReconciled, CasesReconciled, CoverageStatus
from schemas.rules import Rules

MISMATCH: AlertKind = "probable-id-mismatch"


@dataclass(frozen=True, slots=True)
class Alerts:
    """The step with what it is given: the rules."""

    rules: Rules

    def __call__(self, kept: AlertsRaised, cases: CasesReconciled) -> AlertsRaised:
        """The alerts of a match after its newest statuses."""
        troubles = [trouble for known in cases.cases for trouble in self._troubles(known, cases)]
        now = max((known.status.updated_at for known in cases.cases if known.status is not None), default=None)
        return AlertsRaised(match=cases.match, alerts=turned(kept.alerts, troubles, now))

    def _troubles(self, known: CaseReconciled, cases: CasesReconciled) -> list[Trouble]:
        status, case = known.status, effective(known.case)
        if status is None:
            return []
        return [
            Trouble(kind, severity, status.site, status.patient, status.since, text(case, status, cases, self.rules))
            for kind, (severity, holds, text) in _KINDS.items()
            if holds(status)
        ]


def mismatches(raised: AlertsRaised, cases: CasesReconciled) -> list[MismatchSeen]:
    """What the site as a whole should know: each row that has, or once had, its images under another form of its number."""
    of_patient = {alert.patient: alert for alert in raised.alerts if alert.kind == MISMATCH}
    return [
        MismatchSeen(
            site=known.case.site,
            upload=row.upload if row else None,
            patient=known.case.patient,
            open=row is not None and of_patient[known.case.patient].state == "open",
            forms=_forms(known.case, cases) if row else "",
        )
        for known in cases.cases
        if known.case.patient in of_patient
        for row in (known.case.main or known.case.status,)
        if row is not None or known.case.withdrawn_at is not None
    ]


Text = Callable[[Case, CoverageStatus, CasesReconciled, Rules], str]


def _images_missing(case: Case, status: CoverageStatus, _: CasesReconciled, rules: Rules) -> str:
    inside = window(case.main, case.status, rules.at(case.site).windows)
    first = f" from {inside.first:%d/%m/%Y}" if inside.first else ""
    last = f" to {inside.last:%d/%m/%Y}" if inside.last else " on"
    return f"The row is there, the images are overdue since {status.since:%d/%m/%Y}: ask PACS for chest X-ray or CT{first}{last}"


def _spreadsheet_missing(_: Case, status: CoverageStatus, __: CasesReconciled, ___: Rules) -> str:
    sheet = "main sheet (Upload Covid Data)" if status.group == "positive" else "sheet"
    return f"Images are there, the row is overdue since {status.since:%d/%m/%Y}: add this patient to the {sheet} and upload it"


def _mismatch(case: Case, _: CoverageStatus, cases: CasesReconciled, __: Rules) -> str:
    forms = _forms(case, cases)
    meant = "row of this patient probably belongs" if case.main or case.status else "images of this patient probably belong"
    how = f" ({forms})" if forms else ""
    return f"The {meant} to a number that is written differently{how}: write column 2 as PACS does, and upload again"


def _forms(case: Case, cases: CasesReconciled) -> str:
    """How each side writes the number, as masks; the other side may lie here, or with the same person under another number."""
    everybody = [known.case for known in cases.cases]
    elsewhere = {review.counterpart for review in case.reviews.values() if review.counterpart}
    rows = {row.form for each in everybody for row in (each.main, each.status) if row is not None}
    images = {study.form for each in everybody for study in each.studies.values()}
    rows, images = rows or elsewhere, images or elsewhere
    return f"the spreadsheet writes {', '.join(sorted(rows))}, PACS writes {', '.join(sorted(images))}" if rows and images else ""


def _several_ids(_: Case, __: CoverageStatus, ___: CasesReconciled, ____: Rules) -> str:
    return "One study came with several PatientIDs: ask PACS whose study it is, and to send it again under one"


def _several_numbers(_: Case, __: CoverageStatus, ___: CasesReconciled, ____: Rules) -> str:
    return "The same NHS/CHI number stands under two hospital numbers of the site: correct the wrong one and upload again"


def _outside(case: Case, _: CoverageStatus, __: CasesReconciled, rules: Rules) -> str:
    inside = window(case.main, case.status, rules.at(case.site).windows)
    first = f" from {inside.first:%d/%m/%Y}" if inside.first else ""
    last = f" to {inside.last:%d/%m/%Y}" if inside.last else " on"
    return f"All images lie outside the window: check the swab date in the row, or ask PACS for studies{first}{last}"


_KINDS: dict[AlertKind, tuple[Severity, Callable[[CoverageStatus], bool], Text]] = {
    "images-missing": ("act", lambda status: status.state == "images-missing", _images_missing),
    "spreadsheet-missing": ("act", lambda status: status.state == "spreadsheet-missing", _spreadsheet_missing),
    "probable-id-mismatch": ("act", lambda status: "probable-id-mismatch" in status.flags, _mismatch),
    "several-patient-ids-in-study": ("act", lambda status: "several-patient-ids-in-study" in status.flags, _several_ids),
    "several-hospital-numbers": ("look", lambda status: "several-hospital-numbers" in status.flags, _several_numbers),
    "only-images-outside-window": (
        "look",
        lambda status: "images-outside-window" in status.flags and status.state in {"awaiting-images", "images-missing"},
        _outside,
    ),
}
"""Kind -> severity, when it holds, what to do."""


def no_alerts(match: str) -> AlertsRaised:
    """What is known of a match before anything was the matter."""
    return AlertsRaised(match=match, alerts=[])
