"""What the node negotiates: every storage class, so that what does not belong is refused object by object, with the reason."""

from collections.abc import Iterable

from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

_STORAGE = "1.2.840.10008.5.1.4.1.1"
BELONGING = {  # DICOM PS3.6 annex A: chest X-ray, CT and MR, with their enhanced and legacy-converted forms
    f"{_STORAGE}.1": "Computed Radiography",
    f"{_STORAGE}.1.1": "Digital X-Ray, for presentation",
    f"{_STORAGE}.1.1.1": "Digital X-Ray, for processing",
    f"{_STORAGE}.2": "CT",
    f"{_STORAGE}.2.1": "Enhanced CT",
    f"{_STORAGE}.2.2": "Legacy Converted Enhanced CT",
    f"{_STORAGE}.4": "MR",
    f"{_STORAGE}.4.1": "Enhanced MR",
    f"{_STORAGE}.4.3": "Enhanced MR Colour",
    f"{_STORAGE}.4.4": "Legacy Converted Enhanced MR",
}

_WITHOUT_PIXELS = ("1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205")
"""JPIP: the pixels stay with the sender."""
_STREAMED = "1.2.840.10008.1.2.7."


_SYNTAXES = frozenset(each for each in ALL_TRANSFER_SYNTAXES if each not in _WITHOUT_PIXELS and not each.startswith(_STREAMED))
_CLASSES = frozenset([Verification, *(each.abstract_syntax for each in AllStoragePresentationContexts)])


def acceptable(proposed: Iterable[PresentationContext]) -> list[PresentationContext]:
    """Of what a caller proposes, what is accepted: verification, and storage in any transfer syntax whose pixels come along.

    The caller's own order of transfer syntaxes counts, so that what is compressed comes as it is.
    """
    syntaxes: dict[str, dict[str, None]] = {}  # in order, each once
    for context in proposed:
        if context.abstract_syntax in _CLASSES:
            known = syntaxes.setdefault(str(context.abstract_syntax), {})
            known |= dict.fromkeys(str(each) for each in context.transfer_syntax if each in _SYNTAXES)
    return [build_context(name, list(order)) for name, order in syntaxes.items() if order]
