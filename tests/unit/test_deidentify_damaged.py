"""Damaged bytes: an answer whatever they are, never an exception, and never a name in what comes out or in words."""

import warnings
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.deidentify.deidentify import Deidentified, Held
from edge.images.headers import Excluded, Unusable
from tests.deidentified import BIG, DEIDENTIFIER, EXPLICIT, IMPLICIT, answer, element, encoded, least, pixels, sequence

FILES = Path(pydicom.data.__file__).parent / "test_files"
NAME, NUMBER = b"ZEBEDEE", b"99954321"
SYNTAXES = [EXPLICIT, IMPLICIT, BIG]


def whole(syntax: str) -> bytes:
    """An image with the patient's name and number in many places, none of which passes of itself."""
    inner = encoded({0x00081155: ("UI", b"1.2.826.0.1.999.8"), 0x00100010: ("PN", NAME), 0x0040A043: ("LO", NUMBER)}, syntax)
    values = {
        **least(syntax, NAME.decode(), NUMBER.decode()),
        0x0008103E: ("LO", b"Chest " + NAME),
        0x00101001: ("PN", NAME),
        0x00104000: ("LT", NAME + b" " + NUMBER),
    }
    low = {tag: value for tag, value in values.items() if tag < 0x00082112}
    high = {tag: value for tag, value in values.items() if tag > 0x00082112}
    middle = sequence(0x00082112, [inner, inner], syntax, undefined=True)
    private = element(0x00091001, "LO", NAME, syntax)
    return encoded(low, syntax) + middle + private + encoded(high, syntax) + pixels(syntax)


WHOLE = {syntax: whole(syntax) for syntax in SYNTAXES}
positions = st.integers(0, max(map(len, WHOLE.values())))
syntaxes = st.sampled_from(SYNTAXES)


def leaks(data: bytes, syntax: str) -> list[bytes]:
    """What of the patient is in the answer; kept pixels are random bytes here and not looked at."""
    given = answer(data, syntax)
    assert isinstance(given, Deidentified | Held | Unusable | Excluded)
    if not isinstance(given, Deidentified):
        return [each for each in (NAME, NUMBER) if each in repr(given).encode().upper()]
    out = b"".join(bytes(part) for part in given.parts)
    return [each for each in (NAME, NUMBER) if each in out]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_undamaged_it_is_an_image(syntax: str) -> None:
    assert isinstance(answer(WHOLE[syntax], syntax), Deidentified)
    assert leaks(WHOLE[syntax], syntax) == []


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_cut_anywhere(syntax: str) -> None:
    data = WHOLE[syntax]
    given = [answer(data[:length], syntax) for length in range(len(data))]
    assert {type(each) for each in given} == {Unusable}


@settings(max_examples=400, deadline=None)
@given(syntaxes, positions, st.binary(min_size=1, max_size=6))
def test_some_bytes_overwritten(syntax: str, at: int, news: bytes) -> None:
    data = WHOLE[syntax]
    at %= len(data)
    assert leaks(data[:at] + news + data[at + len(news) :], syntax) == []


@settings(max_examples=300, deadline=None)
@given(syntaxes, syntaxes, st.binary(max_size=400))
def test_any_bytes(syntax: str, other: str, data: bytes) -> None:
    assert leaks(data, syntax) == []
    assert leaks(WHOLE[other][:200] + data, syntax) == []


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FILES.glob("*.dcm"))), st.data())
def test_real_files_damaged(path: Path, data: st.DataObject) -> None:
    original = path.read_bytes()[:20_000]
    at = data.draw(st.integers(0, max(len(original) - 1, 0)))
    news = data.draw(st.binary(min_size=1, max_size=8))
    damaged = bytearray(original)
    damaged[at : at + len(news)] = news
    given = DEIDENTIFIER.object(memoryview(bytes(damaged)[132:]), EXPLICIT)
    assert isinstance(given, Deidentified | Held | Unusable | Excluded)


@pytest.mark.parametrize("path", sorted(FILES.rglob("*.dcm"))[:60], ids=lambda path: path.name)
def test_nothing_is_said_by_warnings(path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        DEIDENTIFIER.file(path)
    assert [str(each.message) for each in caught if "pydicom" in each.filename] == []
