"""Pixels: handed on byte by byte, unless text is in them or between them; what cannot be looked into is held back."""

import subprocess
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import generate_fragments
from pydicom.uid import MPEG2MPML, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLossless, JPEGLSLossless, RLELossless

from edge.deidentify.codestreams import OpaqueError, harmless, to_blank
from edge.deidentify.deidentify import Answer, Deidentified, Held
from edge.deidentify.holding import policy
from edge.deidentify.masking import Region, masked, without_spare_bits
from edge.deidentify.syntaxes import Compression, syntax
from edge.images.headers import Unusable
from tests.deidentified import BIG, DEIDENTIFIER, EXPLICIT, PIXELS, answer, encoded, least, number, pixels, read, written

STORAGE = b"1.2.840.10008.5.1.4.1.1"
NAME = b"ZEBEDEE^QUINTUS 99954321"
FILES = Path(pydicom.data.__file__).parent / "test_files"
ITEM, ENDS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"


def held(given: Answer) -> str:
    assert isinstance(given, Held), given
    return given.problem


def looks(**values: str) -> dict[int, tuple[str, bytes]]:
    tags = {
        "image_type": 0x00080008,
        "burned_in": 0x00280301,
        "series": 0x0008103E,
        "conversion": 0x00080064,
        "model": 0x00081090,
    }
    return {tags[name]: ("CS" if name != "series" else "LO", value.encode()) for name, value in values.items()}


def image(values: dict[int, tuple[str, bytes]]) -> Answer:
    return answer(encoded({**least(), **values}) + pixels())


# --- held back -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (looks(burned_in="YES"), "Burned In Annotation"),
        (looks(burned_in="yes "), "Burned In Annotation"),
        (looks(image_type="DERIVED\\SECONDARY\\SCREEN SAVE"), "picture of a screen"),
        (looks(image_type="DERIVED\\SECONDARY\\OTHER\\CT_SOM5 PROT"), "picture of a screen"),
        (looks(image_type="DERIVED\\SECONDARY\\DOSE_INFO"), "picture of a screen"),
        (looks(series="Dose Report"), "page of text"),
        (looks(series="Patient Protocol"), "page of text"),
        (looks(conversion="DF"), "digitised film"),
        ({0x00280002: ("US", number(3)), 0x00280004: ("CS", b"RGB")}, "in colour"),
        ({0x00080016: ("UI", STORAGE + b".7")}, "secondary capture"),
        ({0x00080016: ("UI", STORAGE + b".7.4"), **looks(burned_in="NO")}, "secondary capture"),
        ({0x00080016: ("UI", STORAGE + b".6.1"), 0x00080060: ("CS", b"US")}, "images of its kind"),
        ({0x00080016: ("UI", b"1.2.826.0.1.999.5")}, "images of its kind"),
    ],
)
def test_pictures_that_may_show_who_it_is(values: dict[int, tuple[str, bytes]], words: str) -> None:
    assert words in held(image(values))


@pytest.mark.parametrize(
    "values",
    [
        looks(burned_in="NO"),
        looks(image_type="ORIGINAL\\PRIMARY\\LOCALIZER"),
        looks(image_type="DERIVED\\SECONDARY\\REFORMATTED\\AVERAGE"),
        looks(series="Low dose chest"),
        {0x00080016: ("UI", STORAGE + b".6.1"), 0x00080060: ("CS", b"US"), **looks(burned_in="NO")},
        {0x00280002: ("US", number(3)), 0x00280004: ("CS", b"RGB"), **looks(burned_in="NO")},
    ],
)
def test_pictures_that_may_pass(values: dict[int, tuple[str, bytes]]) -> None:
    assert isinstance(image(values), Deidentified)


def test_every_rule_of_the_table_does_one_thing() -> None:
    assert [rule.name for rule in policy().rules if bool(rule.hold) == bool(rule.mask)] == []
    assert [rule.name for rule in policy().rules if not rule.patterns] == []
    assert len({rule.name for rule in policy().rules}) == len(policy().rules)


# --- masked --------------------------------------------------------------------------------------------------------------


def test_a_known_region_is_masked_and_the_rest_is_not() -> None:
    localiser = looks(image_type="ORIGINAL\\PRIMARY\\LOCALIZER", model="LightSpeed VCT")
    size = {0x00280010: ("US", number(100)), 0x00280011: ("US", number(100))}
    values = b"\1\2" * 10_000
    made = read(written(encoded({**least(), **localiser, **size}) + pixels(values=values))).PixelData
    rows = [made[at * 200 : (at + 1) * 200] for at in range(100)]
    assert rows == [bytes(160) + b"\1\2" * 20] * 85 + [b"\1\2" * 100] * 15


@pytest.mark.parametrize("frames", [1, 3])
def test_a_mask_is_in_every_frame_and_ends_with_the_picture(frames: int) -> None:
    given = bytes([9]) * (4 * 5 * frames)
    frame = bytes([9] * 15 + [9, 9, 9, 0, 0])
    assert bytes(masked(given, [Region(3, 3, 99, 99)], rows=4, columns=5, pixel=1)) == frame * frames


@pytest.mark.parametrize(
    ("encoding", "given", "expected"), [(EXPLICIT, b"\xff\x8f", b"\xff\x0f"), (BIG, b"\x8f\xff", b"\x0f\xff")]
)
def test_drawings_in_bits_that_no_pixel_uses_are_wiped(encoding: str, given: bytes, expected: bytes) -> None:
    overlay = {0x60000102: ("US", number(15, encoding)), 0x60000100: ("US", number(16, encoding))}
    data = encoded({**least(encoding), **overlay}, encoding) + pixels(encoding, given * 64)
    made = read(written(data, encoding))
    assert made.PixelData == expected * 64
    assert [element for element in made if element.tag.group >> 8 == 0x60] == []
    assert bytes(without_spare_bits(b"\xff\xff", 9, big=False)) == b"\xff\x01"


def test_drawings_that_cannot_be_wiped_hold_the_image_back() -> None:
    overlay = {0x60000102: ("US", number(15)), 0x00280103: ("US", number(1))}
    assert "cannot be searched" in held(image(overlay))


def test_overlays_beside_the_pixels_go_and_the_pixels_stay() -> None:
    overlay = {0x60000102: ("US", number(0)), 0x60003000: ("OW", NAME), 0x60004000: ("LT", NAME), 0x50003000: ("OW", NAME)}
    out = written(encoded({**least(), **overlay}) + pixels())
    assert NAME[:7] not in out
    assert read(out).PixelData == PIXELS


# --- native pixels --------------------------------------------------------------------------------------------------------


def test_what_stands_behind_the_last_pixel_goes() -> None:
    assert read(written(encoded(least()) + pixels(values=PIXELS + NAME))).PixelData == PIXELS


def test_pixels_of_an_odd_length_are_padded() -> None:
    odd = {0x00280010: ("US", number(3)), 0x00280011: ("US", number(3)), 0x00280100: ("US", number(8))}
    made = read(written(encoded({**least(), **odd}) + pixels(values=bytes(range(1, 10)) + b"Z")))
    assert made.PixelData == bytes(range(1, 10)) + b"\0"


def test_subsampled_colour_is_not_cut() -> None:
    colour = {
        0x00280002: ("US", number(3)),
        0x00280004: ("CS", b"YBR_FULL_422"),
        0x00280100: ("US", number(8)),
        **looks(burned_in="NO"),
    }
    assert read(written(encoded({**least(), **colour}) + pixels(values=PIXELS + NAME))).PixelData == PIXELS


def test_float_pixels() -> None:
    data = (
        encoded({**least(), 0x00280100: ("US", number(32))})
        + b"\xe0\x7f\x08\x00OF\0\0"
        + (272).to_bytes(4, "little")
        + bytes(256)
        + NAME[:16]
    )
    assert read(written(data)).FloatPixelData == bytes(256)


# --- compressed pixels ------------------------------------------------------------------------------------------------------


def items(*values: bytes) -> bytes:
    return b"".join(ITEM + len(each).to_bytes(4, "little") + each for each in values)


def compressed(uid: str, *values: bytes, frames: int = 1, table: bytes = b"", ends: bytes = ENDS) -> Answer:
    header = encoded({**least(), 0x00280008: ("IS", str(frames).encode())})
    return answer(header + b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + items(table, *values) + ends, uid)


def out(given: Answer) -> bytes:
    assert isinstance(given, Deidentified), given
    return b"".join(given.parts)


def first_item(file: bytes) -> bytes:
    """The pixels' first item, after the table of offsets."""
    return list(generate_fragments(read(file).PixelData))[1]


def segment(code: int, value: bytes) -> bytes:
    return bytes((0xFF, code)) + (len(value) + 2).to_bytes(2, "big") + value


JPEG_SCAN = segment(0xDA, b"\x01\x01\0\0\x3f\0") + b"\x12\xff\0\x34\xff\xd0\x56"
JPEG_END = b"\xff\xd9"
JPEG_START = b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def jpeg(*segments: bytes, behind: bytes = b"") -> bytes:
    data = JPEG_START + b"".join(segments) + segment(0xDB, bytes(65)) + JPEG_SCAN + JPEG_END + behind
    return data + b"\0" * (len(data) & 1)


def jpeg_2000(comment: bytes, behind: bytes = b"", in_tile: bytes = b"", length: int | None = None) -> bytes:
    def marker(code: int, value: bytes) -> bytes:
        return code.to_bytes(2, "big") + (len(value) + 2).to_bytes(2, "big") + value

    tile = marker(0xFF64, b"\0\1" + in_tile) + b"\xff\x93" + b"\x01\xff\x64\x02" * 5
    start = b"\xff\x90\0\x0a\0\0" + (12 + len(tile) if length is None else length).to_bytes(4, "big") + b"\0\1"
    data = b"\xff\x4f" + marker(0xFF51, bytes(36)) + marker(0xFF64, b"\0\1" + comment) + start + tile + b"\xff\xd9" + behind
    return data + b"\0" * (len(data) & 1)


@pytest.mark.parametrize(
    "stream",
    [
        jpeg(segment(0xFE, NAME)),
        jpeg(segment(0xE1, b"Exif\0\0" + NAME)),
        jpeg(segment(0xEF, NAME)),
        jpeg(segment(0xF3, NAME)),
        jpeg(segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\x05\x05" + NAME)),
        jpeg(segment(0xEE, b"Adobe\0" + NAME)),
        jpeg(behind=NAME),
        jpeg(JPEG_SCAN, segment(0xFE, NAME)),
        jpeg(b"\xff\xff\xff" + segment(0xFE, NAME)),
    ],
    ids=["comment", "EXIF", "application", "extension", "thumbnail", "Adobe", "behind", "between scans", "after fill"],
)
@pytest.mark.parametrize("uid", [JPEGBaseline8Bit, JPEGLossless, JPEGLSLossless])
def test_text_in_jpeg_is_blanked_in_place(stream: bytes, uid: str) -> None:
    changed = [
        (given, made) for given, made in zip(stream, first_item(out(compressed(uid, stream))), strict=True) if given != made
    ]
    assert NAME not in first_item(out(compressed(uid, stream)))
    assert bytes(given for given, _ in changed).endswith(NAME)
    assert {made for _, made in changed} == {0}


@pytest.mark.parametrize(
    "stream",
    [
        jpeg_2000(NAME),
        jpeg_2000(b"", behind=NAME),
        jpeg_2000(b"", behind=NAME * 9, length=0),
        jpeg_2000(b"", in_tile=NAME),
        jpeg_2000(b"", in_tile=b"\xff\xd9" + NAME, length=0),
    ],
)
def test_text_in_jpeg_2000_is_blanked_in_place(stream: bytes) -> None:
    made = out(compressed(JPEG2000Lossless, stream))
    assert NAME[:7] not in made
    assert b"\x01\xff\x64\x02" * 5 in made


@pytest.mark.parametrize(
    "comment",
    [b"Kakadu-v6.4", b"Created by OpenJPEG version 2.5.0", b"Creator: JasPer Version 1.701.0", b"LEAD Technologies Inc. V1.01"],
)
def test_the_signature_of_an_encoder_stays_and_nothing_is_copied(comment: bytes) -> None:
    assert harmless(comment)
    for stream, uid in ((jpeg(segment(0xFE, comment)), JPEGBaseline8Bit), (jpeg_2000(comment), JPEG2000Lossless)):
        given = compressed(uid, stream)
        assert stream in out(given)
        assert isinstance(given, Deidentified)
        assert any(isinstance(part, memoryview) and stream in bytes(part) for part in given.parts)


@pytest.mark.parametrize("comment", [b"Kakadu Doe", b"version 99 95 43 21 7", b"J\xc3\xb6rg", b"IJG@example", b"Jane"])
def test_what_is_no_signature_does_not(comment: bytes) -> None:
    assert not harmless(comment)


def test_a_code_stream_in_several_items() -> None:
    stream = jpeg(segment(0xFE, NAME * 4))
    parts = [stream[at : at + 40] for at in range(0, len(stream), 40)]
    made = read(out(compressed(JPEGBaseline8Bit, *parts))).PixelData
    fragments = list(generate_fragments(made))[1:]
    assert [len(each) for each in fragments] == [len(each) for each in parts]
    assert b"".join(fragments) == stream.replace(NAME, bytes(len(NAME)))


def test_every_frame_is_searched_and_a_true_table_of_offsets_stays() -> None:
    frame = jpeg(segment(0xFE, NAME))
    table = (0).to_bytes(4, "little") + (len(frame) + 8).to_bytes(4, "little")
    made = out(compressed(JPEGBaseline8Bit, frame, frame, frames=2, table=table))
    assert NAME[:7] not in made
    assert ITEM + b"\x08\0\0\0" + table in made
    for wrong in (b"ZEBEDEE ", NAME):
        assert b"ZEBE" not in out(compressed(JPEGBaseline8Bit, frame, frame, frames=2, table=wrong))


def test_what_stands_in_the_delimiter_or_in_unused_places_of_run_lengths_goes() -> None:
    header = (1).to_bytes(4, "little") + (64).to_bytes(4, "little")
    stream = header + (NAME * 3)[: 64 - 8] + b"\x01\x02\x03\x04"
    made = out(compressed(RLELossless, stream, ends=ENDS[:4] + b"ZEBE"))
    assert b"ZEBE" not in made
    assert made.endswith(header + bytes(56) + b"\x01\x02\x03\x04" + ENDS)
    assert isinstance(compressed(RLELossless, b"\xff" * 70), Unusable)


@pytest.mark.parametrize(
    ("uid", "stream"),
    [
        (MPEG2MPML, b"\0\0\1\xb3" + NAME),
        ("1.2.840.10008.1.2.4.110", b"\xff\x0a" + NAME),
        ("1.2.3.4", NAME),
        (JPEG2000Lossless, b"\0\0\0\x0cjP  \r\n\x87\n" + NAME),
        (JPEGBaseline8Bit, NAME),
        (JPEGBaseline8Bit, JPEG_START + b"\xff\xfe\xff\xff" + NAME),
        (JPEGBaseline8Bit, JPEG_START + b"\x12\x34" + NAME),
        (JPEGBaseline8Bit, JPEG_START + segment(0x20, NAME) + JPEG_SCAN + JPEG_END),
        (JPEGBaseline8Bit, JPEG_START + JPEG_SCAN + NAME),
        (JPEG2000Lossless, b"\xff\x4f" + b"\xff\x21\0\x1a" + NAME + b"\xff\xd9"),
        (JPEG2000Lossless, jpeg_2000(b"", length=12)),
        (JPEG2000Lossless, jpeg_2000(b"", length=0)[:-4]),
    ],
)
def test_what_cannot_be_followed_is_held_back(uid: str, stream: bytes) -> None:
    assert "cannot be searched" in held(compressed(uid, stream))


def test_compressed_pixels_that_would_have_to_be_masked_are_held_back() -> None:
    localiser = looks(image_type="ORIGINAL\\PRIMARY\\LOCALIZER", model="LightSpeed VCT")
    data = encoded({**least(), **localiser}) + b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + items(b"", jpeg()) + ENDS
    assert "cannot be searched" in held(answer(data, JPEGBaseline8Bit))


@pytest.mark.parametrize("compression", ["jpeg", "jpeg-ls", "jpeg-2000"])
def test_a_code_stream_may_be_cut_anywhere(compression: Compression) -> None:
    stream = jpeg_2000(NAME, in_tile=NAME) if compression == "jpeg-2000" else jpeg(segment(0xFE, NAME))
    for length in range(len(stream)):
        try:
            ranges = to_blank(stream[:length], compression)
        except OpaqueError:
            continue
        blanked = bytearray(stream[:length])
        for start, end in ranges:
            blanked[start:end] = bytes(len(blanked[start:end]))
        assert NAME not in blanked


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_RLE.dcm",
        "J2K_pixelrep_mismatch.dcm",
        "693_J2KI.dcm",
    ],
)
def test_compressed_pixels_of_real_encoders_are_the_same_to_the_byte(name: str, tmp_path: Path) -> None:
    given, original = DEIDENTIFIER.file(FILES / name), pydicom.dcmread(FILES / name)
    assert read(out(given)).PixelData == original.PixelData
    path = tmp_path / name
    path.write_bytes(out(given))
    assert subprocess.run(["dcmdump", "-q", str(path)], capture_output=True, check=False).returncode == 0


def test_what_is_known_of_transfer_syntaxes() -> None:
    known = {
        uid: syntax(uid).compression for uid in (EXPLICIT, RLELossless, JPEGLossless, JPEGLSLossless, JPEG2000Lossless, MPEG2MPML)
    }
    assert list(known.values()) == ["none", "rle", "jpeg", "jpeg-ls", "jpeg-2000", "unknown"]
    assert syntax("1.2.840.10008.1.2.4.201").compression == "jpeg-2000"
