"""The flow, top to bottom. Read this first.

    edge ── RowSubmitted ────► raw.rows ───┐                  ┌─► rows ───┐
      ├──── StudyReceived ───► raw.images ─┴─► pseudonymise ──┴─► images ─┤
      │                                        (holds the keys)           │
      ├──── PatientWithdrawn ────────────────► withdrawals ───────────────┤                 ┌─► coverage-status ─┐
      │                                        reviews, ticks ────────────┴─► reconcile ────┤   (the statuses)   │
      │                                           ▲       ▲                   (the cases)   └─► person-cases     │
      │                                           │       └── clock ───────────┐                     │           │
      │                                           └────────────── people ◄─────│─────────────────────┘           │
      ├──── PersonWithdrawn ─► person-withdrawals ──────────────► │ └─► people │                                 │
      │                                                                         alerts (of patients) ◄─► alerts ◄──┘
      │                                                                            └─► site-facts ─┐
      └──── UploadSubmitted ─► uploads ────────────────────────────────────────────────────────────┴─► sites ─► sites

Every topic's name begins with ``nccid.``.
What any step cannot use goes to nccid.quarantine. The topics coverage-status, people and alerts are published and are at once the
changelogs of what the steps keep: one message an event. Keys of messages: raw topics an HMAC routing key, then ``match`` or
``person``; so a row, its images and their case share a partition. The topology is a value: the Faust runner attaches it to Kafka,
the memory runner drives it in tests, ``orphans`` checks it, and ``diagram`` draws it for the docs. What a step is stands in
``streams.steps``; how each is decoded and addressed in ``streams.working``; what each does in ``agents``.
"""

from schemas.topics import (
    ALERTS,
    COVERAGE_STATUS,
    IMAGES,
    PEOPLE,
    PERSON_CASES,
    PERSON_WITHDRAWALS,
    QUARANTINE,
    RAW_IMAGES,
    RAW_ROWS,
    REVIEWS,
    ROWS,
    SITE_FACTS,
    SITES,
    TICKS,
    UPLOADS,
    WITHDRAWALS,
)
from streams.steps import Step, Topology
from streams.working import alerts_working, people_working, pseudonymise_working, reconcile_working, sites_working

TOPOLOGY = Topology(
    steps=(
        Step(
            "pseudonymise",
            reads=(RAW_ROWS, RAW_IMAGES),
            writes=(ROWS, IMAGES, SITE_FACTS),
            keeps=None,
            ticks=None,
            needs_keys=True,
            build=pseudonymise_working,
        ),
        # now: RowPseudonymised, StudyPseudonymised, key = match
        Step(
            "reconcile",
            reads=(ROWS, IMAGES, WITHDRAWALS, REVIEWS),
            writes=(COVERAGE_STATUS, PERSON_CASES, SITE_FACTS),
            keeps=COVERAGE_STATUS,
            ticks=TICKS,
            needs_keys=False,
            build=reconcile_working,
        ),
        # now: CasesReconciled, key = match; PersonCaseSeen, key = person
        Step(
            "people",
            reads=(PERSON_CASES, PERSON_WITHDRAWALS),
            writes=(PEOPLE, REVIEWS),
            keeps=PEOPLE,
            ticks=None,
            needs_keys=False,
            build=people_working,
        ),
        # now: PersonReconciled, key = person; CaseReviewed, key = match, back to reconcile
        Step(
            "alerts",
            reads=(COVERAGE_STATUS,),
            writes=(ALERTS, SITE_FACTS),
            keeps=ALERTS,
            ticks=None,
            needs_keys=False,
            build=alerts_working,
        ),
        # now: AlertsRaised, key = match; MismatchSeen, key = site
        Step(
            "sites",
            reads=(UPLOADS, SITE_FACTS),
            writes=(SITES,),
            keeps=SITES,
            ticks=TICKS,
            needs_keys=False,
            build=sites_working,
        ),
        # now: SiteReconciled, key = site
    ),
    quarantine=QUARANTINE,
    fed_by_edge=(RAW_ROWS, RAW_IMAGES, WITHDRAWALS, PERSON_WITHDRAWALS, UPLOADS),
    fed_by_clock=(TICKS,),
    read_by_people=(COVERAGE_STATUS, PEOPLE, ALERTS, SITES),
)
