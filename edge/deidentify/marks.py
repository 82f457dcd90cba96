"""What a de-identified object says of itself (DICOM PS3.15 section E.1.1, codes of PS3.16 context group 7050)."""

from functools import lru_cache

from edge.deidentify.writing import Writer

PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020

METHODS = {
    "113100": "Basic Application Confidentiality Profile",
    "113105": "Clean Descriptors Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113111": "Retain Safe Private Option",
}
"""The profile, and the options that are applied beside it."""

_TEXTS = ("NCCID: attributes by allow-list", "StudyDate and AcquisitionDate kept", "other dates shifted by whole days")


@lru_cache(maxsize=4)
def marks(writer: Writer) -> dict[int, bytes]:
    """The marks as elements, by tag; the same for every object of a syntax."""
    items = [
        b"".join(
            (
                writer.element(0x00080100, b"SH", code.encode()),
                writer.element(0x00080102, b"SH", b"DCM"),
                writer.element(0x00080104, b"LO", meaning.encode()),
            )
        )
        for code, meaning in METHODS.items()
    ]
    return {
        0x00120062: writer.element(0x00120062, b"CS", b"YES"),
        0x00120063: writer.element(0x00120063, b"LO", "\\".join(_TEXTS).encode()),
        0x00120064: writer.sequence(0x00120064, items),
        0x00280303: writer.element(0x00280303, b"CS", b"MODIFIED"),
    }
