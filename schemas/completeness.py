"""How complete the clinical data are, as it is handed on: one program counts and writes it, others read it and show it."""

import msgspec

from schemas.records import Kind, Record

ALL = "all"
"""The site under which the counts of all sites together stand."""

MEASURES = ("filled", "missing", "implausible", "repaired")
"""What is counted of cells."""

TOLD = ("patients", *MEASURES)


class GroupCounted(Record, frozen=True, kw_only=True):
    """What may be told of one field group of one site's sheet, in cells; None where it may not be."""

    site: str
    sheet: Kind
    group: str
    patients: int | None
    filled: int | None
    missing: int | None
    implausible: int | None
    repaired: int | None


class CompletenessCounted(Record, frozen=True, kw_only=True):
    """A whole count: by site, sheet and group, in this order; what ``nccid completeness --json`` prints."""

    lines: tuple[GroupCounted, ...]


COLUMNS = GroupCounted.__struct_fields__
"""Of a table or CSV, in their order."""

_decoder = msgspec.json.Decoder(CompletenessCounted)
_encoder = msgspec.json.Encoder()


def encode(counted: CompletenessCounted) -> bytes:
    """As one line of JSON."""
    return _encoder.encode(counted)


def decode(content: bytes) -> CompletenessCounted:
    """What was encoded.

    Raises:
        msgspec.MsgspecError: it was not, or by another version.
    """
    return _decoder.decode(content)
