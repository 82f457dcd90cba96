"""Alerts: opens one when a person has to act, resolves it when that is done.

reads    nccid.coverage-status (CasesReconciled), nccid.uploads (UploadSubmitted), nccid.ticks (Ticked)
writes   nccid.alerts (AlertsRaised), the changelog of what it keeps
keeps    the alerts of a subject: the cases of a match, or a site
rejects  nothing

An alert's id is made of kind, site and patient alone: the same trouble again is the same alert, opened again.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from agents.window import window
from schemas.alerts import Alert, AlertKind, AlertsRaised, Severity, Turn, UploadSubmitted
from schemas.coverage import Case, CaseReconciled, CasesReconciled, CoverageStatus
from schemas.rules import Rules


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is the matter now."""

    kind: AlertKind
    severity: Severity
    site: str
    patient: str | None
    since: dt.datetime
    text: str

    @property
    def id(self) -> str:
        """The same for the same kind of trouble with the same patient or site."""
        return "/".join(filter(None, (self.kind, self.site, self.patient)))


@dataclass(frozen=True, slots=True)
class Alerts:
    """The step with what it is given: the rules."""

    rules: Rules

    def of_cases(self, kept: AlertsRaised, cases: CasesReconciled) -> AlertsRaised:
        """The alerts of a match after its newest statuses."""
        troubles = [trouble for known in cases.cases for trouble in self._troubles(known, cases)]
        now = max((known.status.updated_at for known in cases.cases if known.status is not None), default=None)
        site = next((known.case.site for known in cases.cases), kept.site)
        return replace(kept, site=site, alerts=turned(kept.alerts, troubles, now))

    def of_site(self, kept: AlertsRaised, upload: UploadSubmitted) -> AlertsRaised:
        """The alerts of a site after an upload."""
        last = max(upload.uploaded_at, kept.last_upload_at or upload.uploaded_at)
        return self._site(replace(kept, site=upload.site, last_upload_at=last), last)

    def ticked(self, kept: AlertsRaised, at: dt.datetime) -> AlertsRaised:
        """The alerts of a site when the clock says ``at``."""
        deadline = self.deadline(kept)
        if deadline is None or deadline > at:
            return kept
        return self._site(replace(kept, overdue=deadline), deadline)

    def deadline(self, kept: AlertsRaised) -> dt.datetime | None:
        """By when a site should upload again; None for a match, and once the clock has passed it."""
        if kept.last_upload_at is None or kept.site is None:
            return None
        deadline = kept.last_upload_at + self.rules.at(kept.site).alerts.no_upload
        return None if kept.overdue is not None and deadline <= kept.overdue else deadline

    def _site(self, kept: AlertsRaised, at: dt.datetime) -> AlertsRaised:
        troubles = []
        last, site = kept.last_upload_at, kept.site or ""
        if last is not None and self.deadline(kept) is None:
            text = f"{site} has uploaded nothing since {last:%d/%m/%Y}; the guideline asks for Tuesday and Friday: call the site"
            troubles.append(Trouble("no-upload", "act", site, None, last + self.rules.at(site).alerts.no_upload, text))
        return replace(kept, alerts=turned(kept.alerts, troubles, at))

    def _troubles(self, known: CaseReconciled, cases: CasesReconciled) -> list[Trouble]:
        status = known.status
        if status is None:
            return []
        found = []
        for kind, (severity, holds, text) in _KINDS.items():
            if holds(status):
                words = text(known.case, status, cases, self.rules)
                found.append(Trouble(kind, severity, status.site, status.patient, status.since, words))
        return found


def turned(known: list[Alert], troubles: list[Trouble], at: dt.datetime | None) -> list[Alert]:
    """The alerts with those that are new opened, those that are over resolved, and the others with their latest text."""
    now = {trouble.id: trouble for trouble in troubles}
    before = {alert.id: alert for alert in known}
    opened = [_opened(before.get(each), trouble) for each, trouble in now.items()]
    resolved = [_resolved(alert, at) for alert in known if alert.id not in now]
    return sorted(opened + resolved, key=lambda alert: alert.id)


def _opened(alert: Alert | None, trouble: Trouble) -> Alert:
    if alert is None:
        alert = Alert(
            id=trouble.id,
            kind=trouble.kind,
            severity=trouble.severity,
            site=trouble.site,
            patient=trouble.patient,
            state="resolved",
            text=trouble.text,
            since=trouble.since,
            history=[],
        )
    if alert.state == "open":
        return replace(alert, text=trouble.text)
    turn = Turn(at=trouble.since, state="open")
    return replace(alert, state="open", since=trouble.since, text=trouble.text, history=[*alert.history, turn])


def _resolved(alert: Alert, at: dt.datetime | None) -> Alert:
    if alert.state == "resolved":
        return alert
    when = max(alert.since, at or alert.since)
    return replace(alert, state="resolved", since=when, history=[*alert.history, Turn(at=when, state="resolved")])


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
    rows = sorted({row.form for known in cases.cases for row in (known.case.main, known.case.status) if row is not None})
    images = sorted({study.form for known in cases.cases for study in known.case.studies.values()})
    forms = f" (the spreadsheet writes {', '.join(rows)}, PACS writes {', '.join(images)})" if rows and images else ""
    side = "row" if case.main or case.status else "images"
    meant = f"The {side} of this patient probably belong to a number that is written differently{forms}"
    return f"{meant}: write column 2 as PACS does, and upload again"


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


def no_alerts(subject: str) -> AlertsRaised:
    """What is known of a subject before anything was the matter."""
    return AlertsRaised(subject=subject, site=None, alerts=[])
