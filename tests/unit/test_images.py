"""Reading DICOM: an image, something else, or something to put right; never an exception, never a header's value in words."""

import datetime as dt
import logging
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from edge.images.folders import files
from edge.images.headers import (
    DAMAGED,
    ENDS_EARLY,
    NO_PICTURE,
    NOT_DICOM,
    Answer,
    Excluded,
    Instance,
    Unusable,
    classify,
    read_image,
)
from edge.images.kinds import not_an_image
from tests.edge_factories import CT, DX, HOSPITAL_NUMBERS, dicom_file, header, hospital_number

OWN_FILES = Path(pydicom.data.__file__).parent
STORAGE = "1.2.840.10008.5.1.4.1.1"
FRAGMENT = b"\xfe\xff\x00\xe0"
SEQUENCE_ENDS = b"\xfe\xff\xdd\xe0\0\0\0\0"


def image(answer: Answer) -> Instance:
    assert isinstance(answer, Instance)
    return answer


def problem(answer: Answer) -> str:
    assert isinstance(answer, Unusable)
    return answer.problem


def test_an_image_is_known_by_what_its_header_says(tmp_path: Path) -> None:
    path = dicom_file(
        tmp_path / "1.dcm",
        SOPClassUID=DX,
        SOPInstanceUID="1.2.3.4",
        StudyInstanceUID="1.2.3",
        Modality="DX",
        BodyPartExamined="CHEST",
        Manufacturer="Imaging Ltd",
        ManufacturerModelName="X 1000",
    )
    assert read_image(path) == Instance(
        study_uid="1.2.3",
        instance_uid="1.2.3.4",
        patient_id=hospital_number(HOSPITAL_NUMBERS[0]),
        study_date=dt.date(2020, 5, 7),
        modality="DX",
        body_part="CHEST",
        manufacturer="Imaging Ltd",
        model="X 1000",
    )


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_every_native_transfer_syntax_is_read(tmp_path: Path, syntax: str) -> None:
    assert image(read_image(dicom_file(tmp_path / "1.dcm", syntax))).study_uid == "1.2.3.1"


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
@pytest.mark.parametrize("missing", [1, 100, 200])
def test_a_file_that_ends_early_is_told(tmp_path: Path, syntax: str, missing: int) -> None:
    path = dicom_file(tmp_path / "1.dcm", syntax)
    path.write_bytes(path.read_bytes()[: -min(missing, 60) if syntax == DeflatedExplicitVRLittleEndian else -missing])
    assert problem(read_image(path)) in (ENDS_EARLY, DAMAGED)


def compressed(path: Path, *fragments: bytes, end: bytes = SEQUENCE_ENDS) -> Path:
    """A file whose pixels are items of a sequence, as compressed ones are (PS3.5 annex A.4)."""
    dicom_file(path, pixels=b"")
    items = b"".join(FRAGMENT + len(each).to_bytes(4, "little") + each for each in (b"", *fragments))
    whole = path.read_bytes().replace(
        ExplicitVRLittleEndian.encode(), RLELossless.encode().ljust(len(ExplicitVRLittleEndian), b"\0")
    )
    start = whole.index(b"\xe0\x7f\x10\x00")
    path.write_bytes(whole[:start] + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + items + end)
    return path


def test_compressed_pixels_are_whole_when_their_sequence_ends(tmp_path: Path) -> None:
    path = compressed(tmp_path / "1.dcm", b"a" * 100, b"b" * 50)
    assert image(read_image(path)).modality == "CT"
    for missing in (5, 8, 30, 100):
        cut = tmp_path / f"{missing}.dcm"
        cut.write_bytes(path.read_bytes()[:-missing])
        assert problem(read_image(cut)) == ENDS_EARLY
    assert problem(read_image(compressed(tmp_path / "2.dcm", b"a" * 100, end=b"garbage that is no item"))) == ENDS_EARLY


@pytest.mark.parametrize("pixels", [None, b""])
def test_an_image_without_a_picture_is_told(tmp_path: Path, pixels: bytes | None) -> None:
    assert problem(read_image(dicom_file(tmp_path / "1.dcm", pixels=pixels))) == ENDS_EARLY


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"PatientID": None}, "there is no number"),
        ({"PatientID": " "}, "there is no number"),
        ({"PatientID": "A\\B"}, "a backslash or a control character"),
        ({"PatientID": "9" * 65}, "longer than the 64 characters"),
        ({"StudyInstanceUID": None}, "it has no Study Instance UID"),
        ({"StudyInstanceUID": ""}, "it has no Study Instance UID"),
    ],
)
def test_what_it_cannot_do_without_is_told(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the writer
        path = dicom_file(tmp_path / "1.dcm", **values)
    told = problem(read_image(path))
    assert words in told
    assert told.endswith("correct it in PACS and export the image again")


def test_an_instance_uid_is_taken_from_the_file_meta_information_where_the_header_has_none(tmp_path: Path) -> None:
    assert image(read_image(dicom_file(tmp_path / "1.dcm", SOPInstanceUID=None))).instance_uid == "1.2.3.9"
    assert "it has no SOP Instance UID" in problem(classify(header(SOPInstanceUID=None), whole=True))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_file_without_preamble_and_meta_information_is_read(tmp_path: Path, syntax: str) -> None:
    path = dicom_file(tmp_path / "1.dcm", syntax)
    content = path.read_bytes()
    meta_ends = 132 + 12 + int.from_bytes(content[140:144], "little")
    path.write_bytes(content[meta_ends:])
    assert image(read_image(path)).instance_uid == "1.2.3.1.1"
    path.write_bytes(content[132:])
    assert image(read_image(path)).instance_uid == "1.2.3.1.1"


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"a letter, which is not an image" * 50, b"\x08\x00", b"PK\x03\x04" * 99, bytes(500)]
)
def test_what_is_not_dicom_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.docx"
    path.write_bytes(content)
    assert problem(read_image(path)) == NOT_DICOM


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    assert "the file cannot be read (No such file or directory)" in problem(read_image(tmp_path / "gone.dcm"))


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        ("1.2.840.10008.1.3.10", "DICOMDIR"),
        (f"{STORAGE}.4.2", "spectrum"),
        (f"{STORAGE}.9.1.1", "waveform"),
        (f"{STORAGE}.11.1", "presentation state"),
        (f"{STORAGE}.66.4", "segmentation"),
        (f"{STORAGE}.88.11", "structured report"),
        (f"{STORAGE}.88.59", "key images"),
        (f"{STORAGE}.104.1", "PDF"),
        (f"{STORAGE}.481.2", "radiotherapy"),
        (f"{STORAGE}.481.3", "radiotherapy"),
        (f"{STORAGE}.481.5", "radiotherapy"),
    ],
)
def test_objects_that_are_no_images_are_left_out_with_a_reason(sop_class: str, words: str) -> None:
    answer = classify(header(SOPClassUID=sop_class, PatientID=None), whole=True)
    assert isinstance(answer, Excluded)
    assert words in answer.problem


@pytest.mark.parametrize(
    "sop_class", [CT, DX, f"{STORAGE}.1", f"{STORAGE}.4.1", f"{STORAGE}.6.1", f"{STORAGE}.481.1", "1.2.3.4.5"]
)
def test_images_of_any_class_are_images(sop_class: str) -> None:
    assert not_an_image(sop_class, "SR") is None


def test_without_a_class_the_modality_decides() -> None:
    assert isinstance(classify(header(SOPClassUID=None, Modality="SR"), whole=False), Excluded)
    assert isinstance(classify(header(SOPClassUID=None, Modality="CT"), whole=True), Instance)
    assert classify(header(SOPClassUID=None, Modality="CT"), whole=False) == Unusable(ENDS_EARLY)


def test_a_private_object_without_a_picture_is_left_out() -> None:
    assert classify(header(SOPClassUID="1.3.12.2.1107.5.9.1"), whole=False) == Excluded(NO_PICTURE)


@pytest.mark.parametrize(
    ("study", "acquisition", "content", "expected"),
    [
        ("20200507", "20200506", "20200505", dt.date(2020, 5, 7)),
        (None, "20200506", "20200505", dt.date(2020, 5, 6)),
        ("", None, "2020.05.05", dt.date(2020, 5, 5)),
        ("20201350", "20200506", None, dt.date(2020, 5, 6)),
        ("7 May", "00010101", "20200505", dt.date(2020, 5, 5)),
        ("garbage", None, None, None),
    ],
)
def test_the_date_is_the_first_usable_one(
    study: str | None, acquisition: str | None, content: str | None, expected: dt.date | None
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the writer
        dataset = header(StudyDate=study, AcquisitionDate=acquisition, ContentDate=content)
    assert image(classify(dataset, whole=True)).study_date == expected


@pytest.mark.parametrize(
    ("keyword", "field"),
    [("BodyPartExamined", "body_part"), ("Manufacturer", "manufacturer"), ("ManufacturerModelName", "model")],
)
@pytest.mark.parametrize(
    "text", ["9994621785", "SN 123456", "DOE^JANE", "JANE", "WARD OF DOE", "jane@example.org", "X" * 65, "A\\B", "caf\xe9", ""]
)
def test_text_that_may_be_about_a_person_does_not_travel(keyword: str, field: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the writer
        dataset = header(**{keyword: text})
    assert getattr(image(classify(dataset, whole=True)), field) is None


@pytest.mark.parametrize(
    ("modality", "expected"), [("CR", "CR"), ("XA", "XA"), ("ct", "OT"), ("C1", "OT"), ("DOE", "OT"), (None, "OT")]
)
def test_a_modality_is_carried_only_in_its_form(modality: str | None, expected: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the writer
        dataset = header(Modality=modality)
    assert image(classify(dataset, whole=True)).modality == expected


@pytest.mark.parametrize(("keyword", "expected"), [("Manufacturer", Instance), ("PatientID", Unusable)])
def test_a_field_of_an_unknown_representation_is_a_field_that_is_not_there(keyword: str, expected: type[Answer]) -> None:
    dataset, tag = header(), Tag(keyword)
    dataset[tag] = RawDataElement(tag, "XX", 6, b"SECRET", 0, is_implicit_VR=False, is_little_endian=True)
    answer = classify(dataset, whole=True)
    assert type(answer) is expected
    assert "SECRET" not in repr(answer)


def test_nothing_of_a_person_prints(tmp_path: Path) -> None:
    told = repr(read_image(dicom_file(tmp_path / "1.dcm")))
    assert HOSPITAL_NUMBERS[0] not in told
    assert "1.2.3" not in told


def test_pydicoms_own_files_are_all_accounted_for_in_silence(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = {found.path.name: read_image(found.path) for found in files([OWN_FILES]) if not found.excluded}
    kinds = Counter(type(answer).__name__ for answer in answers.values())
    assert kinds.keys() == {"Instance", "Excluded", "Unusable"}
    assert kinds["Instance"] >= 80
    assert isinstance(answers["CT_small.dcm"], Instance)
    assert isinstance(answers["DICOMDIR"], Excluded)
    assert isinstance(answers["ExplVR_LitEndNoMeta.dcm"], Excluded)  # an RT plan without preamble
    assert answers["MR_truncated.dcm"] == Unusable(ENDS_EARLY)
    assert answers["README.txt"] == Unusable(NOT_DICOM)
    assert (capfd.readouterr(), caplog.records, recwarn.list) == (("", ""), [], [])


@settings(deadline=None)  # files are written
@given(st.data())
def test_no_damage_leads_to_an_exception(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp()
    content = bytearray(dicom_file(folder / "whole.dcm", Manufacturer="Imaging Ltd", BodyPartExamined="CHEST").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(128, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = folder / "damaged.dcm"
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    assert isinstance(read_image(damaged), Instance | Excluded | Unusable)
