"""What a portal is made of, as its pages are handed it."""

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.handed_in import HandedIn, Sender, note_sheet
from edge.portal.accounts import Accounts, Now
from edge.portal.counting import PortalMetrics
from edge.portal.database import Database
from edge.portal.diary import Diary
from edge.portal.hub import Hub, Tokens, client_of
from edge.portal.jobs import Job, Jobs
from edge.portal.limits import Attempts
from edge.portal.sessions import Sessions
from edge.sending.outbox import Outbox
from schemas.home import Home
from schemas.sites import Sites, read_sites


@dataclass(frozen=True, slots=True)
class Portal:
    """One portal on one home, for all sites of its registry."""

    home: Home
    sites: Sites
    database: Database
    accounts: Accounts
    sessions: Sessions
    attempts: Attempts
    diary: Diary
    jobs: Jobs
    hub: Hub
    now: Now
    counts: PortalMetrics

    def close(self) -> None:
        """Lets uploads end, then closes what is open."""
        self.jobs.close()
        self.hub.close()
        self.database.close()


def clock() -> int:
    """Seconds since 1970."""
    return int(time.time())


def make_portal(home: Home, hub: Hub, now: Now = clock) -> Portal:
    """Opens a portal.

    Raises:
        UnusableInputError: there is no home, or its registry cannot be used.
        PortalDataError: its file cannot be used.
    """
    sites = read_sites(home.sites)
    database = Database(home.portal)
    accounts = Accounts(database, now)
    diary = Diary(database, now)
    counts = PortalMetrics()
    sessions, attempts = Sessions(database, accounts, now), Attempts(database, now)

    def over(job: Job) -> None:
        counts.uploaded(job)
        note_upload(diary, job)
        if job.answer is None:
            note_trouble(home, job)

    return Portal(home, sites, database, accounts, sessions, attempts, diary, Jobs(home, now, over), hub, now, counts)


def hub_from(environment: Mapping[str, str], home: Home) -> Hub:
    """The hub that an environment names."""
    url, trusted = environment.get("NCCID_HUB_URL"), environment.get("NCCID_HUB_CAFILE")
    client = client_of(url, Path(trusted) if trusted else None) if url else None
    return Hub(Tokens.from_environment(environment, home), client)


def note_upload(diary: Diary, job: Job) -> None:
    """Writes down what became of an upload; one that failed for no fault of its own counts as refused."""
    answer = job.answer
    diary.note(
        job.account,
        "uploaded",
        kind=job.kind,
        accepted=job.accepted,
        rows=answer.rows if answer else 0,
        errors=len(answer.errors) if answer else 0,
        warnings=len(answer.warnings) if answer else 0,
    )


def note_trouble(home: Home, job: Job) -> None:
    """Puts a sheet that could not even be checked among what the site handed in; nothing of it was sent.

    Raises:
        OutboxError: it cannot be written down.
    """
    with Outbox(home.outbox) as outbox, outbox.transaction(dt.datetime.now(dt.UTC)) as transaction:
        sender = Sender("portal", job.account.name)
        note_sheet(transaction, job.account.site, HandedIn(transaction.instant, job.kind, sender, 0, 1, accepted=False))
