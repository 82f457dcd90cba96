"""Training or validation: the warehouse's own rule, kept for each person for ever.

SHA-512 of the trimmed, upper-cased pseudonym as an integer, modulo 100, below the share: training (NCCID warehouse loader). The
pseudonym is keyed, so the sides cannot be foretold from a number. Somebody who is a patient twice is on one side: where one of
the pseudonyms has a side already it decides, else the first of them by name does.
"""

import hashlib
from collections.abc import Sequence

from handover.layout import Side


def side_of(pseudonym: str, training: int) -> Side:
    """The side of a pseudonym.

    Args:
        pseudonym: of a patient.
        training: per cent of all that are for training.
    """
    number = int(hashlib.sha512(pseudonym.strip().upper().encode()).hexdigest(), 16)
    return "training" if number % 100 < training else "validation"


def side_for(patient: str, same_person: Sequence[str], decided: Sequence[Side], training: int) -> Side:
    """The side of a patient who has none yet.

    Args:
        patient: the pseudonym.
        same_person: all pseudonyms of this person, or none where only one is known.
        decided: the sides that some of these have already, in the order of the pseudonyms.
        training: per cent.
    """
    return decided[0] if decided else side_of(min((patient, *same_person)), training)
