"""The NHS/CHI Checker's answers: is this person collected, is there data, are there images. Pseudonyms in, statuses out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from monitoring.view import StatusView
from schemas.coverage import CoverageStatus, as_builtins

_CHEST = ("xray", "ct")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of the person that one number belongs to; the number itself is not in it."""

    reason: str | None  # why the number is none; None for a valid one
    cases: list[CoverageStatus] = field(default_factory=list)

    @property
    def collected(self) -> bool:
        """There is a case that is not withdrawn."""
        return any(case.state != "withdrawn" for case in self.cases)

    @property
    def data(self) -> bool:
        """Any case has a row."""
        return any(case.data != "none" for case in self.cases)

    @property
    def images(self) -> bool:
        """At least one chest X-ray or CT counts as in the window in any of the cases."""
        return any(getattr(case.images, kind).in_window for case in self.cases for kind in _CHEST)

    def as_json(self) -> dict[str, Any]:
        """The form of ``nccid check --json``."""
        return {
            "valid": self.reason is None,
            "reason": self.reason,
            "collected": self.collected,
            "data": self.data,
            "images": self.images,
            "cases": [as_builtins(case) for case in self.cases],
        }


@dataclass(frozen=True, slots=True)
class Question:
    """One number as the Checker may know it: its person pseudonym, or why it is no number."""

    person: str | None
    reason: str | None


def answers(questions: Iterable[Question], view: StatusView) -> list[Answer]:
    """One answer a question, in the order asked."""
    return [Answer(question.reason, view.person(question.person) if question.person else []) for question in questions]
