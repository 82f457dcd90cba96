"""Alerts: what somebody has to do, opened and resolved under one stable id, with its history."""

import datetime as dt
from typing import Literal

from schemas.records import Record

AlertKind = Literal[
    "images-missing",
    "spreadsheet-missing",
    "probable-id-mismatch",
    "several-patient-ids-in-study",
    "several-hospital-numbers",
    "only-images-outside-window",
    "no-upload",
    "identifier-shift",
    "quarantine-burst",
]
Severity = Literal["act", "look"]
"""``act``: data is missing until somebody does something. ``look``: probably a slip that somebody should check."""


class Turn(Record, frozen=True, kw_only=True):
    """One opening or resolving."""

    at: dt.datetime
    state: Literal["open", "resolved"]


class Alert(Record, frozen=True, kw_only=True):
    """One thing to do. Opened again, it keeps its id; ``history`` has every turn."""

    id: str
    kind: AlertKind
    severity: Severity
    site: str
    patient: str | None  # None: the whole site is meant
    state: Literal["open", "resolved"]
    text: str  # what is the matter and what to do, for the person whose turn it is
    since: dt.datetime
    history: list[Turn]


class UploadSubmitted(Record, frozen=True, kw_only=True, tag="upload-submitted/1"):
    """A site has uploaded a spreadsheet; its rows follow as records of their own."""

    event: str
    site: str
    kind: Literal["positive", "negative"]
    upload: str
    uploaded_at: dt.datetime
    rows: int


class MismatchSeen(Record, frozen=True, kw_only=True, tag="mismatch-seen/1"):
    """A row of this upload probably belongs to images under a number that is written differently; or no longer."""

    site: str
    upload: str | None  # None when the row has gone, as after an opt-out: the patient counts in no upload any more
    patient: str
    open: bool
    forms: str  # how both sides write it, as masks


class RecordRejected(Record, frozen=True, kw_only=True, tag="record-rejected/1"):
    """A record of this site was quarantined."""

    site: str
    event: str
    reason: str
    at: dt.datetime


SiteFact = UploadSubmitted | MismatchSeen | RecordRejected


class AlertsRaised(Record, frozen=True, kw_only=True, tag="alerts-raised/1"):
    """All alerts there ever were about the cases of a match."""

    match: str
    alerts: list[Alert]


class UploadTally(Record, frozen=True, kw_only=True):
    """One upload of a site, and which of its patients have images under a number that is written differently."""

    upload: str
    uploaded_at: dt.datetime | None  # None until the upload itself has been seen
    rows: int
    mismatched: list[str]
    forms: str


class Rejection(Record, frozen=True, kw_only=True, order=True):
    """When a record was quarantined, and which."""

    at: dt.datetime
    event: str


class SiteReconciled(Record, frozen=True, kw_only=True, tag="site-reconciled/1"):
    """What is known of a site as a whole, and all alerts there ever were about it."""

    site: str
    seen_at: dt.datetime | None  # the latest time known here, from records and the clock
    uploads: list[UploadTally]  # the latest few
    rejections: list[Rejection]  # the latest few
    alerts: list[Alert]
