"""De-identification: what an image keeps, what it gets instead, and what becomes of what is no image."""

import datetime as dt
import io
import re
import threading
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from edge.deidentify.deidentify import Deidentified, Deidentifier, Held
from edge.deidentify.marks import METHODS
from edge.images.headers import DAMAGED, ENDS_EARLY, NOT_DICOM, Excluded, Unusable, read_image
from tests.deidentified import (
    BIG,
    DEIDENTIFIER,
    EXPLICIT,
    IMPLICIT,
    PIXELS,
    answer,
    element,
    encoded,
    least,
    number,
    pixels,
    read,
    result,
    sequence,
    written,
)
from tests.edge_factories import CT, HOSPITAL_NUMBERS, NHS_NUMBERS, NHS_SITE, PSEUDONYMISER, SITE, dicom_file, hospital_number

SYNTAXES = [EXPLICIT, IMPLICIT, BIG]
STORAGE = b"1.2.840.10008.5.1.4.1.1"
DAYS = PSEUDONYMISER.days(SITE, hospital_number())


def one(tag: int, vr: str, value: str, **names: str) -> str | None:
    """What becomes of one value."""
    made = result({tag: (vr, value.encode())}, **names)
    return str(made[tag].value or "") if tag in made else None


def moved(date: str) -> str:
    return f"{dt.datetime.strptime(date, '%Y%m%d').replace(tzinfo=dt.UTC) - dt.timedelta(days=DAYS):%Y%m%d}"


# --- who it is of --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_name_and_number_are_the_pseudonym(syntax: str) -> None:
    made = result(syntax=syntax)
    pseudonym = PSEUDONYMISER.patient(SITE, hospital_number())
    assert (made.PatientID, str(made.PatientName)) == (pseudonym, pseudonym)
    assert re.fullmatch("Covid[A-Z2-7]{26}", pseudonym)


def test_where_the_object_belongs_and_what_it_was() -> None:
    path = Path(pydicom.data.__file__).parent / "test_files" / "CT_small.dcm"
    given = DEIDENTIFIER.file(path)
    assert isinstance(given, Deidentified)
    original, made = pydicom.dcmread(path), read(b"".join(given.parts))
    assert given.instance == read_image(path)
    assert given.patient == made.PatientID
    uids = (original.StudyInstanceUID, original.SeriesInstanceUID, original.SOPInstanceUID)
    assert (given.study, given.series, given.sop_instance) == tuple(map(PSEUDONYMISER.uid, uids))
    assert (made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID) == (given.study, given.series, given.sop_instance)
    assert made.file_meta.MediaStorageSOPInstanceUID == given.sop_instance


def test_a_patient_by_nhs_number_is_the_same_however_it_is_written() -> None:
    north = Deidentifier(NHS_SITE, PSEUDONYMISER)
    spellings = (NHS_NUMBERS[0], f"{NHS_NUMBERS[0][:3]} {NHS_NUMBERS[0][3:6]} {NHS_NUMBERS[0][6:]}")
    made = [north.object(memoryview(encoded(least(number_of_patient=each)) + pixels()), EXPLICIT) for each in spellings]
    assert [each.patient for each in made if isinstance(each, Deidentified)] == [
        PSEUDONYMISER.patient(NHS_SITE, hospital_number(NHS_NUMBERS[0]))
    ] * 2


def test_it_says_what_was_done() -> None:
    made = result()
    assert made.PatientIdentityRemoved == "YES"
    assert made.LongitudinalTemporalInformationModified == "MODIFIED"
    assert {item.CodeValue: item.CodeMeaning for item in made.DeidentificationMethodCodeSequence} == METHODS
    assert {item.CodingSchemeDesignator for item in made.DeidentificationMethodCodeSequence} == {"DCM"}
    assert len(made.DeidentificationMethod) == 3


def test_what_an_earlier_de_identifier_said_is_replaced() -> None:
    assert "Doe" not in str(result({0x00120063: ("LO", b"removed Doe^Jane")}).DeidentificationMethod)


# --- patient characteristics, dates, UIDs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "vr", "given", "expected"),
    [
        (0x00100030, "DA", "19440607", "19440101"),
        (0x00100030, "DA", "1944.06.07", "19440101"),
        (0x00100030, "DA", "1944", ""),
        (0x00100030, "DA", "19441399", ""),
        (0x00100040, "CS", "F", "F"),
        (0x00100040, "CS", "X", ""),
        (0x00101010, "AS", "076Y", "076Y"),
        (0x00101010, "AS", "093Y", "093Y"),
        (0x00101010, "AS", "76", ""),
        (0x00101020, "DS", "1.72", "1.72"),
        (0x00101030, "DS", "about 70", ""),
        (0x00102160, "SH", "A", "A"),
        (0x00102160, "SH", "Cornish", ""),
        (0x00080020, "DA", "20200507", "20200507"),
        (0x00080022, "DA", "20200507", "20200507"),
        (0x00080030, "TM", "093000.25", "093000.25"),
        (0x00080023, "DA", "20200507", moved("20200507")),
        (0x00080021, "DA", "20200301", moved("20200301")),
        (0x0008002A, "DT", "20200507093000.123456+0000", moved("20200507") + "093000.123456+0000"),
        (0x0008002A, "DT", "2020", ""),
        (0x00080023, "DA", "00010101", ""),
        (0x00080050, "SH", "A123", ""),
        (0x00200010, "SH", "S123", ""),
        (0x00080090, "PN", "Who^Doctor", ""),
        (0x00181000, "LO", "SN 42", "removed"),
        (0x00081010, "SH", "ROOM1", None),
        (0x00080080, "LO", "Royal Infirmary", None),
        (0x00204000, "LT", "Chest", None),
        (0x00321060, "LO", "Chest", None),
        (0x00081030, "LO", "CT chest of Mrs Doe, Ward 7, call Bob", "CT chest of Ward 7"),
        (0x0008103E, "LO", "Thorax 1.25mm lung", "Thorax 1.25mm lung"),
        (0x0008103E, "LO", "999 462 1785", ""),
        (0x00181030, "LO", "Dr Smithers head protocol", "Dr head protocol"),
        (0x00080070, "LO", "GE MEDICAL SYSTEMS", "GE MEDICAL SYSTEMS"),
        (0x00080070, "LO", "Doe Imaging", "removed"),
        (0x00081090, "LO", "Aquilion ONE 99912345", "removed"),
        (0x00181210, "SH", "Br40d\\3", "['Br40d', '3']"),
        (0x00180015, "CS", "CHEST", "CHEST"),
        (0x00180060, "DS", "120", "120"),
        (0x00200013, "IS", "7", "7"),
        (0x00200011, "IS", "99912345", ""),
        (0x00200013, "IS", "9991234", ""),
        (0x00200013, "IS", "999123", "999123"),
        (0x00280030, "DS", "0.5\\0.5", "[0.5, 0.5]"),
        (0x00280030, "DS", "0.5", ""),
        (0x00280008, "IS", "1", "1"),
    ],
)
def test_one_value(tag: int, vr: str, given: str, expected: str | None) -> None:
    assert one(tag, vr, given) == expected


def test_dates_of_one_patient_move_alike_in_every_study_and_never_by_nothing() -> None:
    days = []
    for patient in (HOSPITAL_NUMBERS[0], HOSPITAL_NUMBERS[0], HOSPITAL_NUMBERS[1]):
        made = result({0x00080023: ("DA", b"20200507"), 0x0020000D: ("UI", b"1.2.3")}, number_of_patient=patient)
        days.append((dt.date(2020, 5, 7) - dt.datetime.strptime(made.ContentDate, "%Y%m%d").replace(tzinfo=dt.UTC).date()).days)
    assert days[0] == days[1] != days[2]
    assert min(days) >= 1


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_references_still_hold(syntax: str) -> None:
    inner = encoded({0x00081150: ("UI", CT.encode()), 0x00081155: ("UI", b"1.2.826.0.1.999.4")}, syntax)
    start = {tag: value for tag, value in least(syntax).items() if tag < 0x00081140}
    rest = {tag: value for tag, value in least(syntax).items() if tag > 0x00081140}
    body = encoded(start, syntax) + sequence(0x00081140, [inner], syntax, undefined=True) + encoded(rest, syntax) + pixels(syntax)
    made = read(written(body, syntax))
    assert (
        made.ReferencedImageSequence[0].ReferencedSOPInstanceUID == made.SOPInstanceUID == PSEUDONYMISER.uid("1.2.826.0.1.999.4")
    )
    assert made.ReferencedImageSequence[0].ReferencedSOPClassUID == CT


def test_uids_of_the_standard_stay_and_those_that_only_look_like_it_do_not() -> None:
    known = one(0x00200052, "UI", "1.2.840.10008.1.4.1.1")  # the Talairach brain atlas frame of reference
    assert known == "1.2.840.10008.1.4.1.1"
    assert one(0x00200052, "UI", "1.2.840.10008.999") == PSEUDONYMISER.uid("1.2.840.10008.999")


def test_the_same_object_gives_the_same_bytes() -> None:
    data = encoded(least()) + pixels()
    assert written(data) == written(data)
    again = Deidentifier(SITE, PSEUDONYMISER).object(memoryview(data), EXPLICIT)
    assert isinstance(again, Deidentified)
    assert b"".join(again.parts) == written(data)


def test_private_attributes_on_the_list_are_kept_and_their_neighbours_are_not() -> None:
    block = {
        0x00190010: ("LO", b"SIEMENS MR HEADER"),
        0x0019100C: ("IS", b"800"),
        0x0019100F: ("LO", b"unknown"),
        0x00190011: ("LO", b"ANOTHER MAKER"),
        0x0019110C: ("IS", b"800"),
    }
    made = result(block)
    assert [int(each.tag) for each in made if each.tag.is_private] == [0x00190010, 0x0019100C]
    assert made[0x0019100C].value == 800
    assert [each for each in result({**block, 0x0019100C: ("IS", b"Doe")}) if each.tag.is_private and each.value == "Doe"] == []


def test_the_words_of_a_name_do_not_stand_in_a_value_of_another_kind() -> None:
    assert one(0x00180015, "CS", "CHEST", name="Chest^Anna") == ""
    assert one(0x0008103E, "LO", "Chest AP", name="Chest^Anna") == "AP"
    assert one(0x00081090, "LO", "Muller 3", name="Müller^Anna") == "removed"
    assert one(0x00081090, "LO", "AnnaMueller", name="M\xfcller^Anna") == "removed"
    assert one(0x00080060, "CS", "MR", name="Doe^Jane^^MR") == "MR"


def test_the_words_of_an_institution_are_everyday_ones_and_its_name_is_not() -> None:
    clinic = {0x00080080: ("LO", b"Chest Clinic"), 0x00180015: ("CS", b"CHEST"), 0x00081090: ("LO", b"Chest Clinic 2")}
    made = result(clinic)
    assert (made.BodyPartExamined, made.ManufacturerModelName, "InstitutionName" in made) == ("CHEST", "removed", False)


def test_codes_of_two_letters_stay_where_they_are_somebodys_name() -> None:
    made = result({0x00281054: ("LO", b"HU"), 0x00185101: ("CS", b"PA")}, name="Hu^Pa")
    assert (made.RescaleType, made.ViewPosition) == ("HU", "PA")
    assert one(0x00081090, "LO", "Hu 3", name="Hu^Pa") == "removed"


def test_of_several_values_only_the_one_that_tells_is_emptied() -> None:
    assert one(0x00080008, "CS", "ORIGINAL\\PRIMARY\\DOE") == "['ORIGINAL', 'PRIMARY', '']"
    assert one(0x00080008, "CS", "ORIGINAL\\PRI,MARY\\AXIAL") == "['ORIGINAL', '', 'AXIAL']"
    assert one(0x00181020, "LO", "VB20\\for Jane Doe\\9.1") == "['VB20', '', '9.1']"
    assert one(0x00181020, "LO", "Doe\\Jane") == "removed"


def test_numbers_in_sequences_of_the_request_are_looked_for_too() -> None:
    other = sequence(0x00101002, [encoded({0x00100020: ("LO", b"QX99977")})])
    start = {tag: value for tag, value in least().items() if tag < 0x00101002} | {0x00081090: ("LO", b"Spiral QX-99977")}
    rest = {tag: value for tag, value in least().items() if tag > 0x00101002}
    assert read(written(encoded(start) + other + encoded(rest) + pixels())).ManufacturerModelName == "removed"
    broken = element(0x00101002, "SQ", b"\1\2\3\4\5\6\7\7\7\7")
    assert read(written(encoded(start) + broken + encoded(rest) + pixels())).ManufacturerModelName == "Spiral QX-99977"


@pytest.mark.parametrize(
    ("character_set", "name", "model"),
    [
        (b"ISO_IR 192", "Müller^Anna".encode(), b"Muller 3"),
        (b"ISO_IR 100", "Müller^Anna".encode("latin-1"), b"Mueller 3"),
        (b"ISO_IR 144", "Иванов^Anna".encode("iso8859_5"), b"Anna 3"),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", b"Yamada 3"),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$Q;3ED", b"Tarou 3"),
        (b"NONSENSE", "Müller^Anna".encode("latin-1"), b"Muller 3"),
        (b"\xff\xfe", b"Yamada^Anna", b"Yamada 3"),
    ],
)
def test_names_in_other_character_sets(character_set: bytes, name: bytes, model: bytes) -> None:
    values = {0x00080005: ("CS", character_set), 0x00100010: ("PN", name), 0x00081090: ("LO", model)}
    out = written(encoded({**least(), **values}) + pixels())
    assert read(out).ManufacturerModelName == "removed"
    assert name not in out
    assert "SpecificCharacterSet" not in read(out)  # all that is left is ASCII


# --- forms of files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pixels_are_handed_on_without_a_copy(syntax: str) -> None:
    data = memoryview(encoded(least(syntax), syntax) + pixels(syntax))
    given = DEIDENTIFIER.object(data, syntax)
    assert isinstance(given, Deidentified)
    views = [part for part in given.parts if isinstance(part, memoryview)]
    assert [bytes(view) for view in views] == [PIXELS]
    assert views[0].obj is data.obj
    assert read(b"".join(given.parts)).PixelData == PIXELS


def test_a_deflated_object_is_inflated(tmp_path: Path) -> None:
    body = encoded(least()) + pixels()
    packed = zlib.compressobj(wbits=-15)
    data = packed.compress(body) + packed.flush()
    assert written(data, str(DeflatedExplicitVRLittleEndian)) == written(body)
    assert answer(b"\xff" * 50, str(DeflatedExplicitVRLittleEndian)) == Unusable(DAMAGED)
    assert answer(data[:-20], str(DeflatedExplicitVRLittleEndian)) == Unusable(DAMAGED)
    given = DEIDENTIFIER.file(dicom_file(tmp_path / "1.dcm", DeflatedExplicitVRLittleEndian))
    assert isinstance(given, Deidentified)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_file_without_preamble(tmp_path: Path, syntax: str) -> None:
    path = tmp_path / "1.dcm"
    path.write_bytes(encoded(least(syntax), syntax) + pixels(syntax))
    given = DEIDENTIFIER.file(path)
    assert isinstance(given, Deidentified)
    assert read(b"".join(given.parts)).file_meta.TransferSyntaxUID == syntax


def test_a_file_whose_syntax_is_not_the_one_it_says(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    meta = element(0x00020010, "UI", IMPLICIT.encode())
    path.write_bytes(bytes(128) + b"DICM" + meta + encoded(least()) + pixels())
    given = DEIDENTIFIER.file(path)
    assert isinstance(given, Deidentified)
    assert read(b"".join(given.parts)).file_meta.TransferSyntaxUID == EXPLICIT


def test_uids_that_only_the_meta_information_has(tmp_path: Path) -> None:
    body = {tag: value for tag, value in least().items() if tag not in (0x00080016, 0x00080018, 0x0020000E)}
    meta = (
        element(0x00020002, "UI", CT.encode())
        + element(0x00020003, "UI", b"1.2.9")
        + element(0x00020010, "UI", EXPLICIT.encode())
    )
    path = tmp_path / "1.dcm"
    path.write_bytes(bytes(128) + b"DICM" + meta + encoded(body) + pixels())
    given = DEIDENTIFIER.file(path)
    assert isinstance(given, Deidentified)
    made = read(b"".join(given.parts))
    assert (made.SOPClassUID, made.SOPInstanceUID) == (CT, PSEUDONYMISER.uid("1.2.9"))
    assert made.SeriesInstanceUID == given.series


def test_a_value_of_implicit_syntax_is_written_back_in_it() -> None:
    made = result({0x00280106: ("US", number(5)), 0x00080008: ("CS", b"ORIGINAL\\PRIMARY\\AXIAL")}, IMPLICIT)
    assert made[0x00280106].value == 5
    assert list(made.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]


def test_a_value_of_unknown_vr_is_written_under_its_own() -> None:
    made = result({0x00180060: ("UN", b"120 "), 0x00280106: ("UN", number(5)), 0x00181210: ("LO", b"Br40d")})
    assert (made["KVP"].VR, made.KVP) == ("DS", 120)
    assert 0x00280106 not in made  # US or SS: who knows
    assert made["ConvolutionKernel"].VR == "SH"


# --- what is no image, or cannot be used -------------------------------------------------------------------------------------


def test_what_is_no_image_is_excluded() -> None:
    report = {**least(), 0x00080016: ("UI", STORAGE + b".88.11")}
    document = {**least(), 0x00080016: ("UI", STORAGE + b".104.1"), 0x00420011: ("OB", b"%PDF Doe^Jane")}
    assert [type(answer(encoded(each))) for each in (report, document)] == [Excluded, Excluded]


def test_what_cannot_be_used_says_what_to_do() -> None:
    assert answer(encoded(least())) == Unusable(ENDS_EARLY)
    assert answer(encoded(least()) + pixels()[:-1]) == Unusable(ENDS_EARLY)
    nobody = answer(encoded(least(number_of_patient="")) + pixels())
    assert isinstance(nobody, Unusable)
    assert "Patient ID cannot be used" in nobody.problem
    flat = answer(encoded({**least(), 0x00280010: ("US", number(0))}) + pixels())
    assert isinstance(flat, Unusable)
    assert "size of the picture" in flat.problem


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Doe^Jane")
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "meta.dcm").write_bytes(bytes(128) + b"DICM" + b"\2\0\1\0ZZ")
    assert DEIDENTIFIER.file(tmp_path / "notes.txt") == Unusable(NOT_DICOM)
    assert DEIDENTIFIER.file(tmp_path / "empty.dcm") == Unusable(NOT_DICOM)
    assert DEIDENTIFIER.file(tmp_path / "meta.dcm") == Unusable(DAMAGED)
    missing = DEIDENTIFIER.file(tmp_path / "missing.dcm")
    assert isinstance(missing, Unusable)
    assert "cannot be read (No such file" in missing.problem


def test_sequences_deeper_than_any_image_has_are_refused_or_left_behind() -> None:
    for undefined in (True, False):
        inner = b""
        for _ in range(400):
            inner = sequence(0x00082112, [inner], undefined=undefined)
        if len(inner) < 0xFFFFFFFF:
            given = answer(encoded(least()) + inner + pixels())
            assert type(given) in (Unusable, Deidentified)


def test_many_threads_at_once() -> None:
    files = [
        encoded({**least(number_of_patient=f"RR999{at:05d}"), 0x00080023: ("DA", b"20200507")}) + pixels() for at in range(40)
    ]
    expected = [written(each) for each in files]
    shared, made = Deidentifier(SITE, PSEUDONYMISER), [[b""] * len(files) for _ in range(4)]

    def work(mine: list[bytes]) -> None:
        for at, each in enumerate(files):
            given = shared.object(memoryview(each), EXPLICIT)
            mine[at] = b"".join(given.parts) if isinstance(given, Deidentified) else b""

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [expected] * 4


@pytest.mark.parametrize(
    "path", sorted((Path(pydicom.data.__file__).parent / "test_files").glob("*.dcm")), ids=lambda path: path.name
)
def test_pydicoms_own_files_are_taken_for_what_they_are(path: Path) -> None:
    """As ``read_image`` judges them, but for what is held back, and for what is damaged further on than it looks."""
    given, judged = DEIDENTIFIER.file(path), read_image(path)
    if isinstance(given, Deidentified):
        made, original = pydicom.dcmread(io.BytesIO(b"".join(given.parts))), pydicom.dcmread(path)
        assert given.instance == judged
        assert made.file_meta.TransferSyntaxUID == UID(str(original.file_meta.TransferSyntaxUID))
        assert len(made.PixelData) > 0
    elif not isinstance(given, Held) and path.name != "rtplan_truncated.dcm":
        assert given == judged
