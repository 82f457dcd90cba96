"""Which images are held back: those whose pixels may show who the patient is, and those that cannot be looked into."""

from edge.deidentify.header import Header
from edge.deidentify.syntaxes import Syntax

_BURNED_IN = "its header says that something is written into the picture (Burned In Annotation); send the original image instead"
_CAPTURE = (
    "it is a secondary capture (a screenshot or a scan), which may show who the patient is; send the original image instead"
)
_COMPRESSION = "its pixels are compressed in a way that cannot be searched for names; send it uncompressed or as JPEG"


def held(header: Header, encoding: Syntax) -> str | None:
    """Why an image is held back, in words; None where it may pass."""
    sop_class = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID", "")
    if (header.get("BurnedInAnnotation") or "").upper() == "YES":
        return _BURNED_IN
    if sop_class.startswith("1.2.840.10008.5.1.4.1.1.7"):
        return _CAPTURE
    if encoding.compression == "unknown":
        return _COMPRESSION
    return None
