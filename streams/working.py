"""The steps at work: how each message is decoded and given to the pure step, and what follows is addressed and encoded."""

from agents.alerts import Alerts, mismatches, no_alerts
from agents.introductions import seen_by_persons
from agents.people import people, reviews
from agents.pseudonymise import Pseudonymise
from agents.quarantine import Reason, Rejected
from agents.reconcile import OfCase, Reconcile, next_deadline, withdrawn
from agents.sites import Sites, nothing_of
from identity.pseudonyms import Pseudonymiser
from identity.seal import LinkageSealer, Sealer
from schemas.alerts import MismatchSeen, SiteReconciled
from schemas.coverage import CasesReconciled, empty_cases
from schemas.people import CaseReviewed, empty_person
from schemas.records import RowPseudonymised, StudyPseudonymised, Ticked
from schemas.topics import (
    ALERTS,
    COVERAGE_STATUS,
    IMAGES,
    PEOPLE,
    PERSON_CASES,
    PERSON_WIRE,
    PSEUDONYMISED_WIRE,
    RAW_WIRE,
    RECONCILABLE_WIRE,
    REVIEWS,
    ROWS,
    SITE_FACTS,
    SITE_WIRE,
    SITES,
    AnyTopic,
)
from schemas.wire import Wire
from streams.steps import Emitted, Given, Message, Worked, Working


def pseudonymise_working(given: Given) -> Working:
    """Raw records to pseudonymous ones, each to its topic."""
    if given.keyring is None:
        raise ValueError("pseudonymise needs the keyring")
    sealer = Sealer(given.keyring)
    step = Pseudonymise(given.sites, Pseudonymiser(given.keyring), sealer, LinkageSealer(given.keyring))

    def work(message: Message) -> Worked:
        record = RAW_WIRE.decode(message.value)
        outcome = step(record)
        if isinstance(outcome, Rejected):
            return Worked(record.event, rejected=outcome, site=record.site)
        topic: AnyTopic = ROWS if isinstance(outcome, RowPseudonymised) else IMAGES
        return Worked(record.event, (Emitted(topic, outcome.match.encode(), PSEUDONYMISED_WIRE.encode(outcome)),))

    return Working(work, seal=sealer.seal_payload)


_ARRIVED = (RowPseudonymised, StudyPseudonymised)
_OPTED_OUT = Rejected(Reason.WITHDRAWN)


def reconcile_working(given: Given) -> Working:
    """Everything about a match to its cases, and what persons should know of them."""
    step, wire, encode = Reconcile(given.rules), COVERAGE_STATUS.wire, Wire.encode

    def work(message: Message) -> Worked:
        record = RECONCILABLE_WIRE.decode(message.value)
        kept = None if message.kept is None else wire.decode(message.kept)
        if isinstance(record, Ticked):
            return Worked("tick", () if kept is None else changed(kept, step.ticked(kept, record.at)))
        event = record.patient if isinstance(record, CaseReviewed) else record.event
        if message.key != record.match.encode():
            return Worked(event, rejected=Rejected(Reason.WRONG_KEY), site=record.site)
        known = kept or empty_cases(record.match)
        dropped = _OPTED_OUT if isinstance(record, _ARRIVED) and withdrawn(known, record.patient) else None
        now = step(known, record)
        if isinstance(record, CaseReviewed):
            return Worked(event, () if now == known else introductions(now, record, first=True) + changed(known, now))
        return Worked(event, changed(known, now) + introductions(now, record), dropped, record.site)

    def changed(known: CasesReconciled, now: CasesReconciled) -> tuple[Emitted, ...]:
        if now == known:
            return ()
        return (Emitted(COVERAGE_STATUS, now.match.encode(), encode(now), next_deadline(now), (known, now)),)

    def introductions(now: CasesReconciled, record: OfCase, *, first: bool = False) -> tuple[Emitted, ...]:
        """Said at every row and study, changed or not, so that a crash loses none; after a review if it changed something."""
        seen = seen_by_persons(now, record.patient)
        return tuple([Emitted(PERSON_CASES, each.person.encode(), encode(each), first=first) for each in seen])

    return Working(work, deadline=lambda kept: next_deadline(wire.decode(kept)))


def people_working(_: Given) -> Working:
    """What cases say to what is known of the person, and what the cases should know."""
    wire = PEOPLE.wire

    def work(message: Message) -> Worked:
        event = PERSON_WIRE.decode(message.value)
        if message.key != event.person.encode():
            return Worked(event.person, rejected=Rejected(Reason.WRONG_KEY))
        known = empty_person(event.person) if message.kept is None else wire.decode(message.kept)
        now = people(known, event)
        state = () if now == known else (Emitted(PEOPLE, message.key, wire.encode(now)),)
        return Worked(event.person, state + tuple(_review(each) for each in reviews(now)))

    return Working(work)


def _review(review: CaseReviewed) -> Emitted:
    return Emitted(REVIEWS, review.match.encode(), REVIEWS.wire.encode(review))


def alerts_working(given: Given) -> Working:
    """Statuses to alerts, and what the site as a whole should know."""
    step, wire = Alerts(given.rules), ALERTS.wire

    def work(message: Message) -> Worked:
        cases = COVERAGE_STATUS.wire.decode(message.value)
        known = no_alerts(cases.match) if message.kept is None else wire.decode(message.kept)
        now = step(known, cases)
        state = () if now == known else (Emitted(ALERTS, message.key, wire.encode(now)),)
        return Worked(cases.match, state + tuple(_site_fact(each) for each in mismatches(now, cases)))

    return Working(work)


def sites_working(given: Given) -> Working:
    """Facts about a site and the clock to what concerns the site as a whole."""
    step, wire = Sites(given.rules), SITES.wire

    def work(message: Message) -> Worked:
        fact = SITE_WIRE.decode(message.value)
        kept = None if message.kept is None else wire.decode(message.kept)
        if isinstance(fact, Ticked):
            return Worked("tick", () if kept is None else changed(kept, step.ticked(kept, fact.at)))
        if message.key != fact.site.encode():
            return Worked(fact.site, rejected=Rejected(Reason.WRONG_KEY))
        known = kept or nothing_of(fact.site)
        return Worked(fact.site, changed(known, step(known, fact)))

    def changed(known: SiteReconciled, now: SiteReconciled) -> tuple[Emitted, ...]:
        return () if now == known else (Emitted(SITES, now.site.encode(), wire.encode(now), step.deadline(now)),)

    return Working(work, deadline=lambda kept: step.deadline(wire.decode(kept)))


def _site_fact(fact: MismatchSeen) -> Emitted:
    return Emitted(SITE_FACTS, fact.site.encode(), SITE_WIRE.encode(fact))
