"""UIDs that the standard itself defines, which tell nothing of anybody (DICOM PS3.6 annex A)."""

from pydicom._uid_dict import UID_dictionary

_FIRST = "1.2.840.10008."


def is_of_the_standard(uid: str) -> bool:
    """Whether this very UID is in the standard's own registry; beginning like one is not enough."""
    return uid.startswith(_FIRST) and uid in UID_dictionary
