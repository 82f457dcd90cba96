"""A data set rewritten by the table, level by level: what has a rule is written again, all else is left behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.deidentify import dates
from edge.deidentify.descriptions import cleaned
from edge.deidentify.elements import MAX_DEPTH, Elements, Raw, Reader
from edge.deidentify.marks import PATIENT_ID, PATIENT_NAME, marks
from edge.deidentify.policy import Rule, private_rules, rules
from edge.deidentify.standard import is_of_the_standard
from edge.deidentify.telling import Telling
from edge.deidentify.writing import Writer

_UNKNOWN, _SEQUENCE = b"UN", b"SQ"
_RULES = rules()
_PRIVATE = private_rules()
_SAFE = {place: [element for *other, element in _PRIVATE if tuple(other) == place] for place in {each[:2] for each in _PRIVATE}}
_PRIVATE_GROUPS = frozenset(group for _, group, _ in _PRIVATE)
_REMEMBERED = 512  # values of one patient and study: those of one image, and some
_LONG_VALUE = 256  # bytes; longer ones are not remembered
_CREATORS = range(0x10, 0x100)  # elements of a private group that name who its blocks belong to (PS3.5 section 7.8.1)


@dataclass(frozen=True, slots=True)
class Patient:
    """What the images of one patient get instead of what they had."""

    pseudonym: str
    days: int
    uid: Callable[[str], str]
    telling: Telling = field(repr=False)


class Rewriter:
    """Rewrites objects of one patient and study. Remembers what came of a value, since most are the same in the next image."""

    def __init__(self, writer: Writer, patient: Patient) -> None:
        self._writer = writer
        self._seen: dict[tuple[int, bytes, bytes], bytes] = {}
        self._patient = patient
        name = patient.pseudonym.encode()
        self._same = {
            PATIENT_NAME: writer.element(PATIENT_NAME, b"PN", name),
            PATIENT_ID: writer.element(PATIENT_ID, b"LO", name),
            **marks(writer),
        }
        telling = patient.telling
        self._tells: dict[str, Callable[[bytes], bool]] = {
            "code": telling.in_code,
            "text": telling.in_text,
            "number": telling.in_number,
            "bytes": telling.in_bytes,
        }

    @property
    def pseudonym(self) -> str:
        """The patient's."""
        return self._patient.pseudonym

    def top(self, elements: Elements, reader: Reader, uids: Mapping[int, str]) -> bytes:
        """The data set up to its pixels.

        Args:
            elements: its elements.
            reader: who read them.
            uids: those that the result has in any case, by tag.

        Raises:
            DamagedError: what is inside a sequence cannot be told apart.
        """
        given = {tag: self._writer.element(tag, b"UI", uid.encode()) for tag, uid in uids.items()}
        return self._level(elements, reader, 0, {**self._same, **given})

    def _level(self, elements: Elements, reader: Reader, depth: int, added: Mapping[int, bytes] | None = None) -> bytes:
        """One level: the data set itself, or one item of a sequence."""
        parts: list[bytes] = []
        for tag in sorted({*elements, *added} if added else elements):
            rule = _RULES.get(tag)
            if added and tag in added:
                parts.append(added[tag])
            elif rule is not None:
                parts.append(self._ruled(tag, rule, elements[tag], reader, depth))
            elif tag & 0x10000 and tag >> 16 in _PRIVATE_GROUPS:
                parts.append(self._private(tag, elements, reader, depth))
        return b"".join(parts)

    def _ruled(self, tag: int, rule: Rule, raw: Raw, reader: Reader, depth: int) -> bytes:
        """One element by its rule; nothing where it cannot be written."""
        vr, start, end, items = raw
        if rule.action == "items":
            return self._items(tag, raw, reader, depth)
        if vr == _SEQUENCE or items is not None:
            start = end  # no value can be had from a sequence
        value = reader.head[start:end]
        if end - start > _LONG_VALUE:
            return self._new(tag, rule, vr, value)
        element = self._seen.get((tag, vr, value))
        if element is None:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            element = self._seen[tag, vr, value] = self._new(tag, rule, vr, value)
        return element

    def _new(self, tag: int, rule: Rule, vr: bytes, value: bytes) -> bytes:
        """An element as it is written; nothing where its VR is not known, or nobody else's pseudonym has a place here."""
        written = rule.written or (vr if vr in rule.vrs else b"")
        if rule.action == "pseudonym" or not (written or not self._writer.explicit):
            return b""
        return self._writer.element(tag, written, _ACTIONS[rule.action](self, rule, value))

    def _items(self, tag: int, raw: Raw, reader: Reader, depth: int) -> bytes:
        """A sequence, its items each rewritten."""
        if raw.vr not in (_SEQUENCE, _UNKNOWN, b"") or depth > MAX_DEPTH:
            return b""
        inner = reader.of(raw.vr)
        levels = [self._level(inner.elements(item), inner, depth + 1) for item in inner.items(raw)]
        return self._writer.sequence(tag, levels)

    def _private(self, tag: int, elements: Elements, reader: Reader, depth: int) -> bytes:
        """A private element that is known to be safe, or the name of the block that holds one."""
        group, element = tag >> 16, tag & 0xFFFF
        if element in _CREATORS:
            creator = _creator(reader, elements.get(tag))
            safe = any((tag & 0xFFFF0000 | element << 8 | each) in elements for each in _SAFE.get((creator, group), ()))
            return self._writer.element(tag, b"LO", creator) if safe else b""
        creator = _creator(reader, elements.get(tag & 0xFFFF0000 | element >> 8))
        rule = _PRIVATE.get((creator, group, element & 0xFF))
        return self._ruled(tag, rule, elements[tag], reader, depth) if rule else b""

    def _keep(self, rule: Rule, value: bytes) -> bytes:
        if not value or (rule.fits(value) and not self._told(rule, value)):
            return value
        if rule.piece and b"\\" in value:
            pieces = [part if rule.piece(part) and not self._told(rule, part) else b"" for part in value.split(b"\\")]
            kept = b"\\".join(pieces)
            return kept if rule.fits(kept) and kept.strip(b"\\") else rule.otherwise
        return rule.otherwise

    def _told(self, rule: Rule, value: bytes) -> bool:
        return rule.watch != "nothing" and self._tells[rule.watch](value)

    def _clean(self, rule: Rule, value: bytes) -> bytes:
        return cleaned(value, self._patient.telling) or (rule.otherwise if value.strip() else b"")

    def _shift(self, rule: Rule, value: bytes) -> bytes:
        return dates.earlier(value.decode("ascii").strip(" \0"), self._patient.days).encode() if rule.fits(value) else b""

    def _uid(self, _rule: Rule, value: bytes) -> bytes:
        texts = value.decode("latin-1").split("\\")
        return "\\".join(self._new_uid(text.strip(" \0")) for text in texts).encode()

    def _new_uid(self, text: str) -> str:
        return text if not text or is_of_the_standard(text) else self._patient.uid(text)


_ACTIONS: dict[str, Callable[[Rewriter, Rule, bytes], bytes]] = {  # no ring of references, so one not needed goes at once
    "keep": Rewriter._keep,  # noqa: SLF001  # this table and the class are one
    "clean": Rewriter._clean,  # noqa: SLF001
    "shift": Rewriter._shift,  # noqa: SLF001
    "year": lambda _, _rule, value: dates.year(value.decode("latin-1").strip(" \0")).encode(),
    "uid": Rewriter._uid,  # noqa: SLF001
    "standard": lambda _, _rule, value: _standard(value),
    "empty": lambda _, _rule, _value: b"",
    "replace": lambda _, rule, _value: rule.otherwise,
}


def _creator(reader: Reader, raw: Raw | None) -> bytes:
    return reader.head[raw.start : raw.end].strip(b" \0") if raw else b""


def _standard(value: bytes) -> bytes:
    texts = value.decode("latin-1").rstrip(" \0").split("\\")
    return "\\".join(text for text in texts if is_of_the_standard(text.strip())).encode()
