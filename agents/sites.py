"""Sites: what concerns a site as a whole is one alert, not hundreds.

reads    nccid.uploads (UploadSubmitted), nccid.site-facts (MismatchSeen, RecordRejected), nccid.ticks (Ticked)
writes   nccid.sites (SiteReconciled), the changelog of what it keeps
keeps    the latest uploads and rejections of a site, and its alerts
rejects  nothing
"""

import datetime as dt
from dataclasses import dataclass

from msgspec.structs import replace

from agents.troubles import Trouble, turned
from schemas.alerts import MismatchSeen, RecordRejected, Rejection, SiteFact, SiteReconciled, UploadSubmitted, UploadTally
from schemas.rules import Alerting, Rules

_UPLOADS_KEPT = 6  # a week of them; older ones have been chased or corrected
_REJECTIONS_KEPT = 200
_BURST = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Sites:
    """The step with what it is given: the rules."""

    rules: Rules

    def __call__(self, kept: SiteReconciled, fact: SiteFact) -> SiteReconciled:
        """What is known of a site after one more fact."""
        return self._judged(_folded(kept, fact))

    def ticked(self, kept: SiteReconciled, at: dt.datetime) -> SiteReconciled:
        """What is known when the clock says ``at``."""
        deadline = self.deadline(kept)
        return kept if deadline is None or deadline > at else self._judged(replace(kept, seen_at=_later(kept.seen_at, deadline)))

    def deadline(self, kept: SiteReconciled) -> dt.datetime | None:
        """When the clock alone will change something; None when it will not."""
        alerting, seen = self.rules.at(kept.site).alerts, kept.seen_at
        times = (_upload_due(kept, alerting), _burst_over(kept, alerting))
        return min((time for time in times if time is not None and (seen is None or time > seen)), default=None)

    def _judged(self, kept: SiteReconciled) -> SiteReconciled:
        alerting = self.rules.at(kept.site).alerts
        found = (_no_upload(kept, alerting), _shift(kept, alerting), _burst(kept, alerting))
        return replace(kept, alerts=turned(kept.alerts, [trouble for trouble in found if trouble], kept.seen_at))


def _folded(kept: SiteReconciled, fact: SiteFact) -> SiteReconciled:
    match fact:
        case UploadSubmitted():
            known = replace(_tally(kept, fact.upload), uploaded_at=fact.uploaded_at, rows=fact.rows)
            return replace(_with(kept, known), seen_at=_later(kept.seen_at, fact.uploaded_at))
        case MismatchSeen(upload=None):
            return replace(kept, uploads=[_without(tally, fact.patient) for tally in kept.uploads])
        case MismatchSeen():
            known = _tally(kept, fact.upload or "")
            others = _without(known, fact.patient).mismatched
            mismatched = sorted([*others, fact.patient]) if fact.open else others
            return _with(kept, replace(known, mismatched=mismatched, forms=fact.forms or known.forms))
        case RecordRejected():
            rejections = sorted({*kept.rejections, Rejection(at=fact.at, event=fact.event)})[-_REJECTIONS_KEPT:]
            return replace(kept, rejections=rejections, seen_at=_later(kept.seen_at, fact.at))


def _without(tally: UploadTally, patient: str) -> UploadTally:
    return replace(tally, mismatched=[each for each in tally.mismatched if each != patient])


def _tally(kept: SiteReconciled, upload: str) -> UploadTally:
    nothing = UploadTally(upload=upload, uploaded_at=None, rows=0, mismatched=[], forms="")
    return next((tally for tally in kept.uploads if tally.upload == upload), nothing)


def _with(kept: SiteReconciled, tally: UploadTally) -> SiteReconciled:
    others = [each for each in kept.uploads if each.upload != tally.upload]
    newest_last = sorted([*others, tally], key=lambda each: (each.uploaded_at is None, each.uploaded_at, each.upload))
    return replace(kept, uploads=newest_last[-_UPLOADS_KEPT:])


def _later(known: dt.datetime | None, new: dt.datetime) -> dt.datetime:
    return new if known is None else max(known, new)


def _last_upload(kept: SiteReconciled) -> dt.datetime | None:
    return max((tally.uploaded_at for tally in kept.uploads if tally.uploaded_at is not None), default=None)


def _upload_due(kept: SiteReconciled, alerting: Alerting) -> dt.datetime | None:
    last = _last_upload(kept)
    return None if last is None else last + alerting.no_upload


def _no_upload(kept: SiteReconciled, alerting: Alerting) -> Trouble | None:
    last, due = _last_upload(kept), _upload_due(kept, alerting)
    if last is None or due is None or kept.seen_at is None or due > kept.seen_at:
        return None
    text = f"{kept.site} has uploaded nothing since {last:%d/%m/%Y}; the guideline asks for Tuesday and Friday: call the site"
    return Trouble("no-upload", "act", kept.site, None, due, text)


def _shift(kept: SiteReconciled, alerting: Alerting) -> Trouble | None:
    """Many rows of one upload whose images lie under another form of the number: the sheet was written for another system."""
    for tally in reversed(kept.uploads):
        many = len(tally.mismatched) >= alerting.shift_at_least
        if tally.uploaded_at is not None and many and len(tally.mismatched) > alerting.shift_share * tally.rows:
            forms = f": {tally.forms}" if tally.forms else ""
            text = (
                f"{len(tally.mismatched)} of the {tally.rows} rows that {kept.site} uploaded on {tally.uploaded_at:%d/%m/%Y} "
                f"miss their images, since the hospital number is written differently{forms}; correct column 2 and upload again"
            )
            return Trouble("identifier-shift", "act", kept.site, None, tally.uploaded_at, text)
    return None


def _in_burst(kept: SiteReconciled, alerting: Alerting) -> list[Rejection]:
    """The last so many rejections, if they lie close enough together to be a burst."""
    last = kept.rejections[-alerting.burst_at_least :]
    close = len(last) == alerting.burst_at_least and last[-1].at - last[0].at <= _BURST
    return last if close else []


def _burst_over(kept: SiteReconciled, alerting: Alerting) -> dt.datetime | None:
    burst = _in_burst(kept, alerting)
    return burst[-1].at + _BURST if burst else None


def _burst(kept: SiteReconciled, alerting: Alerting) -> Trouble | None:
    burst, over = _in_burst(kept, alerting), _burst_over(kept, alerting)
    if over is None or kept.seen_at is None or over <= kept.seen_at:
        return None
    text = f"{len(burst)} records or more of {kept.site} could not be used within an hour: `nccid quarantine list` says why"
    return Trouble("quarantine-burst", "act", kept.site, None, burst[-1].at, text)


def nothing_of(site: str) -> SiteReconciled:
    """What is known of a site before anything has arrived."""
    return SiteReconciled(site=site, seen_at=None, uploads=[], rejections=[], alerts=[])
