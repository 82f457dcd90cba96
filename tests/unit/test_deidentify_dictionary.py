"""Canaries in every attribute of the DICOM dictionary: none is found in what comes out."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

from edge.deidentify.deidentify import Deidentified
from edge.deidentify.policy import rules
from tests.deidentified import BIG, DEIDENTIFIER, EXPLICIT, IMPLICIT, Values, element, encoded, least, pixels, sequence, written

NAME, NUMBER, UID = b"ZEBEDEE", b"99954321", b"1.2.826.0.1.999.77"
CANARY = b"Zebedee^Quintus 9995181630 Canary Wharf"
TELLING = (b"ZEBEDEE", b"QUINTUS", b"CANARY", b"WHARF", b"99954321", b"9995181630", b"1.2.826.0.1.999.", b"19440607")
SYNTAXES = [EXPLICIT, IMPLICIT, BIG]
REFERENCES = (0x00089124, 0x00082112, 0x0040A170)  # DerivationImage, SourceImage, PurposeOfReferenceCode: all three are kept
NEEDED = frozenset(
    (0x00080005, 0x00080016, 0x00280002, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x7FE00008, 0x7FE00009, 0x7FE00010)
)
HOLDING = frozenset((0x00080008, 0x0008103E, 0x00080064, 0x00280301))  # where what they say holds the object back


def found(data: bytes) -> list[bytes]:
    """The canaries in some bytes, also those written in two bytes a character."""
    capitals = data.upper()
    wide = capitals.replace(b"\0", b"")
    return [each for each in TELLING if each in capitals or each in wide]


def attributes() -> Iterator[tuple[int, str]]:
    """Every attribute of the dictionary that a data set can hold at its top, repeating groups in two of them."""
    for tag, entry in DicomDictionary.items():
        if 0x0002FFFF < tag < 0xFFFE0000 and tag not in NEEDED:
            yield tag, entry[0]
    for mask, entry in RepeatersDictionary.items():
        yield from ((int(mask.replace("x", digit), 16), entry[0]) for digit in "02")


def vr_of(vrs: str) -> str:
    return vrs.partition(" or ")[0] if vrs != "NONE" else "UN"


def of(value: bytes, *, vr: str | None = None, but: frozenset[int] = frozenset()) -> dict[int, tuple[str, bytes]]:
    """The whole dictionary, without its sequences, each attribute with this value."""
    return {tag: (vr or vr_of(vrs), value) for tag, vrs in attributes() if vrs != "SQ" and tag not in but}


def own(vr: str) -> bytes:
    """A value that has the form of its VR and tells who the patient is."""
    if vr in ("DA", "DT"):
        return b"19440607"
    if vr in ("DS", "IS"):
        return NUMBER
    return UID if vr == "UI" else NAME


def own_values() -> dict[int, tuple[str, bytes]]:
    """Every attribute with a value in its form that holds the patient's own name, number, birth date or a UID."""
    made = {tag: (vr_of(vrs), own(vr_of(vrs))) for tag, vrs in attributes() if vrs != "SQ"}
    padded = {
        tag: (vr, value + b" " * (-len(value) % 8))
        if vr in ("FD", "FL", "UL", "OW", "OF", "OD", "OV", "UV", "SV", "SL")
        else (vr, value)
        for tag, (vr, value) in made.items()
    }
    return padded | {0x00080020: ("DA", b"20200507"), 0x00080022: ("DA", b"20200507")}


def patient(syntax: str) -> dict[int, tuple[str, bytes]]:
    return least(syntax, "Zebedee^Quintus^Canary", NUMBER.decode()) | {0x00100030: ("DA", b"19440607")}


def image(values: Values, syntax: str, more: bytes = b"") -> bytes:
    """An image of the patient: what makes it one, and these values."""
    given = {**values, **patient(syntax)} if values else patient(syntax)
    before = {tag: value for tag, value in given.items() if tag < 0x7FE00010}
    after = {tag: value for tag, value in given.items() if tag > 0x7FE00010}
    return encoded(before, syntax) + more + pixels(syntax) + encoded(after, syntax)


def test_the_dictionary_is_all_there() -> None:
    assert len({tag for tag, _ in attributes()}) > 5000


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_free_text_in_every_attribute(syntax: str) -> None:
    out = written(image(of(CANARY, but=HOLDING), syntax), syntax)
    assert found(out) == []
    assert len(out) > 3000  # the kept ones are there, emptied


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_patients_own_name_number_and_dates_in_every_attribute_in_its_own_form(syntax: str) -> None:
    assert found(written(image(own_values(), syntax), syntax)) == []


@pytest.mark.parametrize("tag", sorted(HOLDING))
def test_attributes_that_may_hold_an_object_back_do_not_pass_it_on_either(tag: int) -> None:
    assert found(written(image({tag: ("LO", CANARY)}, EXPLICIT))) == []


@pytest.mark.parametrize("vr", sorted({"UN", "LO", "OB", "UT", "CS", "PN", "DS", "UI", "US", "ST"}))
def test_every_attribute_under_a_wrong_vr(vr: str) -> None:
    but = frozenset((0x00080060,)) if vr == "UN" else frozenset()
    assert found(written(image(of(CANARY, vr=vr, but=HOLDING | but), EXPLICIT))) == []
    right = {tag: (vr, value) for tag, (_, value) in own_values().items() if tag not in HOLDING}
    assert found(written(image({**right, 0x00080020: ("DA", b""), 0x00080022: ("DA", b"")}, EXPLICIT))) == []


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_attribute_three_deep_in_sequences_that_are_kept(syntax: str, *, undefined: bool) -> None:
    for values in (of(CANARY), own_values()):
        inner = encoded({tag: value for tag, value in values.items() if tag not in (0x00080020, 0x00080022)}, syntax)
        for tag in reversed(REFERENCES):
            inner = sequence(tag, [inner], syntax, undefined=undefined)
        out = written(image({}, syntax, inner), syntax)
        assert found(out) == []


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_sequence_of_the_dictionary(syntax: str) -> None:
    inside = encoded(
        {0x00100010: ("PN", CANARY), 0x00100020: ("LO", NUMBER), 0x00080104: ("LO", CANARY), 0x00081155: ("UI", UID)}, syntax
    )
    sequences = sorted(tag for tag, vrs in attributes() if vrs == "SQ")
    assert len(sequences) > 700
    more = b"".join(sequence(tag, [inside], syntax) for tag in sequences)
    assert found(written(image({}, syntax, more), syntax)) == []


def test_a_sequence_under_every_attribute_that_is_none() -> None:
    inside = encoded({0x00100010: ("PN", CANARY), 0x00081155: ("UI", UID)})
    tags = sorted({tag for tag, vrs in attributes() if vrs != "SQ"} - patient(EXPLICIT).keys())
    for undefined in (True, False):
        more = b"".join(sequence(tag, [inside], undefined=undefined) for tag in tags)
        assert found(written(image({}, EXPLICIT, more))) == []


def test_a_sequence_as_unknown_value_is_rewritten_like_any_other() -> None:
    inside = encoded(
        {0x00081150: ("UI", b"1.2.840.10008.5.1.4.1.1.2"), 0x00081155: ("UI", UID), 0x00100010: ("PN", CANARY)}, IMPLICIT
    )
    content = sequence(0x00082112, [inside], IMPLICIT)[8:]
    out = written(image({}, EXPLICIT, element(0x00082112, "UN", content)))
    assert found(out) == []


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_private_attributes_of_every_group(syntax: str) -> None:
    values: dict[int, tuple[str, bytes]] = {}
    for group in range(0x0009, 0xFFFF, 2):
        values[group << 16 | 0x10] = ("LO", CANARY if group % 4 == 1 else b"SIEMENS MR HEADER")
        values[group << 16 | 0x11] = ("LO", b"ACME 3.1")
        for number in (0x1000, 0x100C, 0x100D, 0x100E, 0x1027, 0x1101, 0x0001, 0x5000):
            values[group << 16 | number] = ("UN" if number & 1 else "LT", CANARY)
    low = {tag: value for tag, value in values.items() if tag < 0x7FE00010}
    assert found(written(image(low, syntax), syntax)) == []
    nested = sequence(0x00091012, [encoded(low, syntax)], syntax)
    assert (
        found(
            written(
                encoded({0x00080016: patient(syntax)[0x00080016]}, syntax)
                + nested
                + encoded({tag: value for tag, value in patient(syntax).items() if tag > 0x00080016}, syntax)
                + pixels(syntax),
                syntax,
            )
        )
        == []
    )


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_stands_after_the_pixels(syntax: str) -> None:
    after = dict.fromkeys((0xFFFAFFFA, 0xFFFCFFFC, 0x7FE10010, 0x7FE11001, 0x7FE00020), ("OB", CANARY))
    out = written(image({}, syntax) + encoded(after, syntax) + CANARY, syntax)
    assert found(out) == []
    assert found(written(encoded(patient(syntax), syntax) + pixels(syntax, bytes(128) + CANARY), syntax)) == []


def test_the_beginning_of_the_file(tmp_path: Path) -> None:
    meta = {tag: (vr_of(entry[0]), CANARY) for tag, entry in DicomDictionary.items() if tag >> 16 == 2}
    given = encoded({**meta, 0x00020010: ("UI", EXPLICIT.encode()), 0x00020002: ("UI", UID), 0x00020003: ("UI", UID)})
    path = tmp_path / "1.dcm"
    path.write_bytes((CANARY * 4)[:128] + b"DICM" + given + image({}, EXPLICIT))
    answer = DEIDENTIFIER.file(path)
    assert isinstance(answer, Deidentified)
    assert found(b"".join(answer.parts)) == []


def test_groups_of_the_network_and_of_files_in_a_data_set() -> None:
    low = {tag: (vr_of(entry[0]), CANARY) for tag, entry in DicomDictionary.items() if tag >> 16 in (0, 2, 4)}
    lengths = {group << 16: ("UL", b"9995") for group in range(0x0008, 0x7FE0, 8)}
    assert found(written(image({**low, **lengths}, EXPLICIT))) == []


def test_the_answer_prints_nothing_of_the_patient() -> None:
    answer = DEIDENTIFIER.object(memoryview(image(own_values(), EXPLICIT)), EXPLICIT)
    assert isinstance(answer, Deidentified)
    assert found(repr(answer).encode()) == []
    assert found(repr(DEIDENTIFIER).encode()) == []


def test_what_is_kept_of_a_wrong_form_is_emptied_and_not_repaired() -> None:
    keepers = [rule for rule in rules().values() if rule.action == "keep" and re.fullmatch("CS|DS|IS|TM|AS|DA", rule.vr)]
    assert len(keepers) > 300
    values = {rule.tag: (rule.vr, b"Wharf, 12") for rule in keepers if rule.tag not in HOLDING | NEEDED | {0x00080060}}
    assert found(written(image(values, EXPLICIT))) == []
