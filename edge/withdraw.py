"""Withdrawal: patients who opt out. Everything of them is deleted here, and the centre is told by pseudonym to do the same.

Fails closed: when one of the numbers cannot be used, nothing is done for any. The numbers themselves are kept nowhere, not even
sealed: the pseudonyms are made here.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from edge.holding import Held, Holding
from edge.sending.outbox import Message, Outbox
from identity import hospital, numbers
from identity.hospital import HospitalNumber, HospitalNumberProblem
from identity.numbers import NhsNumber
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer
from schemas.people import PersonWithdrawn
from schemas.problems import UnusableInputError
from schemas.records import PatientWithdrawn, Record
from schemas.sites import Site
from schemas.topics import PERSON_WITHDRAWALS, WITHDRAWALS


class WithdrawalAnswer(Record, frozen=True, kw_only=True):
    """What was done. Counts only."""

    withdrawn: int  # numbers given
    deleted: int  # records of theirs that were on this machine


@dataclass
class _Theirs:
    """Whom the withdrawal is about: persons, and patients with the identifier that each is made of."""

    persons: set[str] = field(default_factory=set)
    patients: dict[str, HospitalNumber] = field(default_factory=dict)
    person_of: dict[str, str] = field(default_factory=dict)  # patient -> person, of everybody whose rows are here
    by_nhs_number: dict[str, tuple[HospitalNumber, str]] = field(default_factory=dict)
    """Patient -> the NHS number as PACS would have it as PatientID, and the person; of consequence if there are such images."""

    def grow(self, held: Iterable[Held]) -> None:
        """Adds the other number of each, by the latest row: an earlier one may have named somebody else by mistake."""
        latest: dict[str, Held] = {}
        for each in held:
            if each.patient in self.by_nhs_number:
                self.patients[each.patient], self.person_of[each.patient] = self.by_nhs_number[each.patient]
            if each.rank is not None and (each.patient not in latest or each.rank > (latest[each.patient].rank or each.rank)):
                latest[each.patient] = each
        self.person_of |= {each.patient: each.person for each in latest.values() if each.person}
        self.persons |= {person for patient, person in self.person_of.items() if patient in self.patients}
        self.patients |= {each.patient: each.pacs for each in latest.values() if each.person in self.persons}


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The withdrawals of one site."""

    site: Site
    outbox: Outbox
    pseudonymiser: Pseudonymiser
    sealer: Sealer

    @property
    def holding(self) -> Holding:
        """What this machine holds of the site's patients."""
        return Holding(self.site, self.pseudonymiser, self.sealer)

    def __call__(self, typed: Sequence[str], now: dt.datetime) -> WithdrawalAnswer:
        """Withdraws the patients of these numbers, NHS/CHI or the site's own hospital numbers.

        Raises:
            UnusableInputError: one of them is neither, named by its line; nothing was done.
            OutboxError: the outbox cannot be written; nothing was done.
            SealError, KeyringError: something in the outbox cannot be opened, so it cannot be said whose it is; nothing was done.
        """
        theirs = self._understood(typed)
        with self.outbox.transaction(now) as transaction:
            held = list(self.holding.held(transaction))
            theirs.grow(held)
            deleted = self.holding.delete(transaction, {*theirs.patients, *theirs.by_nhs_number}, held)
            transaction.add(self._told(theirs, transaction.instant))
        self.outbox.query("PRAGMA wal_checkpoint(TRUNCATE)")
        return WithdrawalAnswer(withdrawn=len(typed), deleted=deleted)

    def _understood(self, typed: Sequence[str]) -> _Theirs:
        theirs = _Theirs()
        for line, text in enumerate(typed, start=1):
            nhs, own = numbers.parse(text), hospital.parse(text)
            if self.site.pacs_identifier == "hospital" and self._fits(own):
                theirs.patients[self.pseudonymiser.patient(self.site, own)] = own
            elif isinstance(nhs, NhsNumber):
                person, pacs = self.pseudonymiser.person(nhs), HospitalNumber(nhs.digits)
                theirs.persons.add(person)
                theirs.by_nhs_number[self.pseudonymiser.patient(self.site, pacs)] = (pacs, person)
            else:
                form = hospital.expected_form(self.site.hospital_number_pattern)
                whose = f"an NHS/CHI number nor a hospital number of {self.site.code} ({form})"
                raise UnusableInputError(f"line {line} is neither {whose}; nothing was withdrawn for anybody")
        return theirs

    def _fits(self, own: HospitalNumber | HospitalNumberProblem) -> TypeGuard[HospitalNumber]:
        return isinstance(own, HospitalNumber) and hospital.fits(own, self.site.hospital_number_pattern)

    def _told(self, theirs: _Theirs, at: dt.datetime) -> Iterator[Message]:
        """What the centre is told: each person and each patient, by pseudonym. Said once, however often it is asked for."""
        for person in sorted(theirs.persons):
            event = f"withdrawn-{person}"
            opted_out = PersonWithdrawn(event=event, person=person, withdrawn_at=at)
            yield Message(event, PERSON_WITHDRAWALS.name, person.encode(), PERSON_WITHDRAWALS.wire.encode(opted_out))
        for patient, pacs in sorted(theirs.patients.items()):
            match = self.pseudonymiser.match(self.site, pacs)
            withdrawn = PatientWithdrawn(
                event=f"withdrawn-{patient}",
                site=self.site.code,
                patient=patient,
                person=theirs.person_of.get(patient),
                match=match,
                key_version=self.pseudonymiser.key_version,
                withdrawn_at=at,
            )
            yield Message(withdrawn.event, WITHDRAWALS.name, match.encode(), WITHDRAWALS.wire.encode(withdrawn))
