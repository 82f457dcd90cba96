"""The wire format: JSON, one strict decoder a record type: bytes become a record or an error, never something else."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

R = TypeVar("R")

_encoder = msgspec.json.Encoder(order="deterministic")


class UndecodableError(ValueError):
    """The bytes are not one of the records expected; says in which field, never with which value."""


class _Other(msgspec.Struct, frozen=True, tag="-"):
    """Stands beside the record expected: msgspec insists on the tag only where there is a choice."""


class Wire(Generic[R]):
    """Bytes to records of one type (or union of tagged types) and back."""

    def __init__(self, record: type[R]) -> None:
        self._decode: Callable[[bytes], R | _Other] = msgspec.json.Decoder[Any](record | _Other).decode

    def decode(self, payload: bytes) -> R:
        """The record in ``payload``.

        Raises:
            UndecodableError: not JSON, not of this type, a field missing, unknown or of the wrong type.
        """
        try:
            record = self._decode(payload)
        except msgspec.ValidationError as error:
            raise UndecodableError(_without_values(str(error))) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UndecodableError("not JSON") from None
        if isinstance(record, _Other):
            raise UndecodableError("Invalid value at $.type")
        return record

    @staticmethod
    def encode(record: object) -> bytes:
        """The record as compact JSON; times in UTC end in ``Z``."""
        return _encoder.encode(record)


def _without_values(message: str) -> str:
    """What msgspec says, without the values that it quotes for tags, enums and field names."""
    if message.startswith(_UNKNOWN_FIELD):
        return _UNKNOWN_FIELD  # not where: the name itself may hold what looks like a place
    where = message.rpartition(" - at ")[2] if " - at " in message else ""
    what = message.partition(" - at ")[0]
    for quoted in ("Invalid value", "Invalid enum value"):
        if what.startswith(quoted):
            what = quoted
    return f"{what} at {where.strip('`')}" if where else what


_UNKNOWN_FIELD = "Object contains unknown field"
