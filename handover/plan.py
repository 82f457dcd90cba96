"""Who may be handed over now, and who has opted out: from the published cases and the opt-outs, kept on disk."""

import msgspec

from handover.aside import Kept, Names, Patients
from handover.publishable import Publishable, publishable
from schemas.coverage import CaseReconciled, CasesReconciled
from schemas.people import PersonWithdrawn
from schemas.records import PatientWithdrawn
from schemas.rules import Rules

OptOut = PatientWithdrawn | PersonWithdrawn

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Publishable).decode


class Plan:
    """All that may be handed over now, and all that may not be kept any more. To be closed."""

    def __init__(self, patients: Patients, withdrawn: Names, persons: Names) -> None:
        self._patients, self._withdrawn, self._persons = patients, withdrawn, persons

    def of(self, patient: str) -> Publishable | None:
        """What may be handed over of a patient; None where nothing may."""
        kept = self._patients.value(patient)
        return None if kept is None else _decode(kept)

    def __len__(self) -> int:
        """How many patients may be handed over."""
        return len(self._patients)

    def same_person(self, person: str | None) -> tuple[str, ...]:
        """The patients who are this person, where there are several."""
        found = () if person is None else self._patients.of_person(person)
        return found if len(found) > 1 else ()

    def has_opted_out(self, patient: str, person: str | None = None) -> bool:
        """Whether a patient who was delivered must not be kept."""
        return patient in self._withdrawn or (person is not None and person in self._persons)

    def digest(self) -> str:
        """The same for two plans that say the same."""
        return f"{self._patients.digest()} {self._withdrawn.digest()} {self._persons.digest()}"

    def close(self) -> None:
        """Lets go of what is on disk."""
        for each in (self._patients, self._withdrawn, self._persons):
            each.close()


class Planner:
    """Makes a plan from the published cases, which may come in any number of turns; the last of a ``match`` counts."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._patients, self._withdrawn, self._persons = Patients(), Names(), Names()

    def published(self, cases: CasesReconciled) -> None:
        """Takes the newest record of a match in place of the one before. Who has once opted out does not come back."""
        self._patients.put(cases.match, [self._kept(known) for known in cases.cases])
        self._withdrawn.add(*(known.case.patient for known in cases.cases if known.case.withdrawn_at is not None))

    def _kept(self, known: CaseReconciled) -> Kept:
        found = publishable(known, self._rules)
        person = None if known.status is None else known.status.person
        return Kept(known.case.patient, person, None if found is None else _encode(found))

    def opted_out(self, who: OptOut) -> None:
        """Takes an opt-out into account, which the cases may not have followed yet."""
        if isinstance(who, PatientWithdrawn):
            self._withdrawn.add(who.patient)
        else:
            self._persons.add(who.person)

    def plan(self) -> Plan:
        """What may be handed over, by all that was taken; the last thing that is asked of a planner."""
        for patient in self._withdrawn:
            self._patients.drop(patient)
        for person in self._persons:
            self._patients.drop_person(person)
        return Plan(self._patients, self._withdrawn, self._persons)
