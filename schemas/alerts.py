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


class AlertsRaised(Record, frozen=True, kw_only=True, tag="alerts-raised/1"):
    """All alerts there ever were about one subject: the cases of a match, or a site."""

    subject: str
    site: str | None
    alerts: list[Alert]
    last_upload_at: dt.datetime | None = None  # of a site
    overdue: dt.datetime | None = None  # of a site: the latest upload deadline that the clock has passed
