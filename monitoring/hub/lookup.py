"""A look-up of statuses, from the question's JSON to the answer's: what the Checker waits for, so nothing is made twice.

``Asked`` and ``Answered`` say what the two look like. Here pseudonyms are checked all at once, since one by one that takes longer
than finding them, and statuses are put side by side as the JSON that they nearly are (``monitoring.packed``).
"""

import re
from collections.abc import Callable, Sequence

import msgspec

from monitoring.hub.answers import MOST_ASKED, PATIENT, PATIENT_LENGTH, PERSON, PERSON_LENGTH
from monitoring.hub.progress import Standing
from monitoring.packed import Packed
from monitoring.view import StatusView


class NoQuestionError(ValueError):
    """What was sent is no question; says what is wrong where that helps, and never repeats it."""


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose status is asked for."""

    patients: list[str] = msgspec.field(default_factory=list)
    persons: list[str] = msgspec.field(default_factory=list)


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """``Answered``, with what is JSON already."""

    patients: dict[str, msgspec.Raw | None]
    persons: dict[str, msgspec.Raw]
    view: Standing


_decode = msgspec.json.Decoder(Question).decode
_encode = msgspec.json.Encoder().encode
_patients, _persons = (re.compile(f"(?:{form} )*").fullmatch for form in (PATIENT, PERSON))


def read(body: bytes) -> Question:
    """The question in a request's body.

    Raises:
        NoQuestionError: it holds none, or asks for too many, or for what is no pseudonym.
    """
    try:
        asked = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NoQuestionError from None
    if len(asked.patients) + len(asked.persons) > MOST_ASKED:
        raise NoQuestionError(f"Ask for at most {MOST_ASKED} pseudonyms at once.")
    if not (_all_fit(asked.patients, _patients, PATIENT_LENGTH) and _all_fit(asked.persons, _persons, PERSON_LENGTH)):
        raise NoQuestionError
    return asked


def answer(asked: Question, view: StatusView, standing: Standing, may_see: Callable[[str], bool]) -> bytes:
    """The answer as JSON; of a patient at a site that may not be seen it is as if there were none."""
    return _encode(
        _Told(
            patients={patient: _shown(view.packed.get(patient), may_see) for patient in asked.patients},
            persons={person: msgspec.Raw(view.person_json(person)) for person in asked.persons},
            view=standing,
        )
    )


def _shown(packed: Packed | None, may_see: Callable[[str], bool]) -> msgspec.Raw | None:
    return msgspec.Raw(packed.json()) if packed is not None and may_see(packed.alike.site) else None


def _all_fit(pseudonyms: Sequence[str], fits: Callable[[str], object], length: int) -> bool:
    """Whether each is as long and as formed as it has to be; a space within one would make them too long in all."""
    joined = "".join(f"{each} " for each in pseudonyms)
    return len(joined) == len(pseudonyms) * (length + 1) and fits(joined) is not None
