"""Quarantine as a person sees it: what is held, under a short id, how often it was seen, and which of it somebody means."""

import base64
import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.quarantine import Reason
from monitoring.topics import Found
from schemas.problems import UnusableInputError
from schemas.records import Quarantined
from schemas.topics import QUARANTINE
from schemas.wire import UndecodableError

ID_LENGTH = 12


class QuarantineError(UnusableInputError):
    """What was asked for is not in quarantine, or it is not clear what was meant."""


@dataclass(frozen=True, slots=True)
class Held:
    """One record in quarantine: the latest of those under its key, which may have come several times."""

    id: str
    key: str  # topic/partition/offset of the source
    record: Quarantined
    seen: int
    partition: int  # of the quarantine topic

    @property
    def reason_words(self) -> str:
        """What happened and what to do."""
        return reason_words(self.record.reason)

    def as_json(self) -> dict[str, object]:
        """One entry of ``nccid quarantine list --json``."""
        record = self.record
        return {
            "id": self.id,
            "reason": record.reason,
            "step": record.step,
            "source": msgspec.to_builtins(record.source),
            "event": record.event,
            "quarantined_at": msgspec.to_builtins(record.quarantined_at),
            "seen": self.seen,
            "replayable": record.original is not None or record.sealed is not None,
        }

    def in_full(self) -> dict[str, object]:
        """The form of ``nccid quarantine show --json``: seals stay sealed, and are only described."""
        record, sealed = self.record, self.record.sealed
        return {
            **self.as_json(),
            "what_to_do": self.reason_words,
            "detail": record.detail,
            "digest": record.digest,
            "original": None if record.original is None else _described(msgspec.json.decode(base64.b64decode(record.original))),
            "sealed": None if sealed is None else {"key_version": sealed.key_version, "characters": len(sealed.text)},
        }


@dataclass
class Quarantine:
    """All of the quarantine topic; fed with its messages in any number of turns."""

    foreign: int = 0
    """Messages on the topic that are no quarantine records."""
    _latest: dict[str, tuple[Quarantined, int]] = field(default_factory=dict)  # by key: the record, its partition
    _seen: Counter[str] = field(default_factory=Counter)
    _purged: dict[str, str] = field(default_factory=dict)  # digest, by key
    _offsets: dict[int, dict[int, str | None]] = field(default_factory=dict)  # by partition and offset: key; None must stay

    def take(self, found: Found) -> None:
        """Takes one message into account."""
        key = found.key.decode("utf-8", errors="replace")
        offsets = self._offsets.setdefault(found.partition, {})
        offsets[found.offset] = None
        try:
            record = QUARANTINE.wire.decode(found.value or b"")
        except UndecodableError:
            self.foreign += 1
            return
        if record.purged_at is not None:
            self._purged[key] = record.digest
            return
        offsets[found.offset] = key
        self._latest[key] = (record, found.partition)
        self._seen[key] += 1

    def held(self) -> list[Held]:
        """What is held and was not purged, the oldest first."""
        kept = {key: pair for key, pair in self._latest.items() if self._purged.get(key) != pair[0].digest}
        ids = short_ids(kept)
        found = [Held(ids[key], key, record, self._seen[key], partition) for key, (record, partition) in kept.items()]
        return sorted(found, key=lambda each: (each.record.quarantined_at, each.key))

    def erasable(self) -> dict[int, int]:
        """By partition of the topic, the offset before which everything was purged, so that the broker may erase it."""
        held = {each.key for each in self.held()}
        found = {}
        for partition, offsets in self._offsets.items():
            stays = [offset for offset, key in offsets.items() if key is None or key in held]
            before = min(stays, default=max(offsets) + 1)
            if before > min(offsets):
                found[partition] = before
        return found


def reason_words(code: str) -> str:
    """What happened and what to do; of a reason that this version does not know, that."""
    return Reason(code).words if code in set(Reason) else "a reason that this version does not know"


def short_ids(keys: Iterable[str]) -> Mapping[str, str]:
    """A short id for each key: the first twelve characters of its SHA-256, or as many more as make them all different."""
    digests = {key: hashlib.sha256(key.encode()).hexdigest() for key in keys}
    length = ID_LENGTH
    while len({digest[:length] for digest in digests.values()}) < len(digests):
        length += 1
    return {key: digest[:length] for key, digest in digests.items()}


def chosen_by(
    held: Sequence[Held],
    ids: Sequence[str] = (),
    *,
    reason: str | None = None,
    before: dt.datetime | None = None,
    everything: bool = False,
) -> list[Held]:
    """Those that are meant: by id, in their order (the first characters are enough where they fit only one), else all that fit.

    Raises:
        QuarantineError: an id fits none, or several; there is no such reason.
    """
    if reason is not None and reason not in set(Reason):
        raise QuarantineError(f"there is no reason {reason!r}; there are {', '.join(Reason)}")
    if ids:
        return list({(found := _the_one(held, each)).key: found for each in ids}.values())
    return [
        each
        for each in held
        if everything or each.record.reason == reason or (before is not None and each.record.quarantined_at < before)
    ]


def _the_one(held: Sequence[Held], start: str) -> Held:
    fitting = [each for each in held if each.id.startswith(start.lower())] if start else []
    if len(fitting) != 1:
        how = "no record in quarantine has" if not fitting else f"{len(fitting)} records in quarantine have"
        raise QuarantineError(f"{how} an id that begins with {start!r}; `nccid quarantine list` shows them")
    return fitting[0]


def _described(plain: Any) -> Any:  # noqa: ANN401  # JSON
    """The record with its seals described instead of repeated."""
    match plain:
        case {"key_version": version, "text": str(text), **rest} if not rest:
            return {"key_version": version, "characters": len(text)}
        case dict():
            return {name: _seal(value) if name == "nhs_sealed" else _described(value) for name, value in plain.items()}
        case list():
            return [_described(value) for value in plain]
        case _:
            return plain


def _seal(text: str | None) -> dict[str, object] | None:
    """``VERSION.CIPHERTEXT``, described."""
    if text is None:
        return None
    version, _, ciphertext = text.partition(".")
    return {"key_version": int(version) if version.isdigit() else None, "characters": len(ciphertext)}
