"""The two ways in which a command fails so that a person has to act; each message says what is wrong and what to do."""

NEEDS_A_PERSON = 65
"""Exit status of a role that stopped on purpose until somebody has looked (EX_DATAERR): started again, it would do harm."""


class UnusableInputError(Exception):
    """What was given cannot be used: a file, a setting, a name. Commands exit 2."""


class WorkFailedError(Exception):
    """What was given was fine, but the work could not be done. Commands exit 1."""
