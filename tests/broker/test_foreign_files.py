"""Files that other people's programs wrote: LibreOffice, XlsxWriter, DCMTK, and the collection that pydicom is tested with."""

import csv
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pydicom.data
import pytest

from schemas.topics import IMAGES, QUARANTINE, RAW_IMAGES
from tests.broker.setups import Installation, installed, until
from tests.sheets import headers, negative, positive, sheet

PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"

DUMP = """\
(0008,0016) UI =ComputedRadiographyImageStorage
(0008,0018) UI [{uid}.1]
(0008,0020) DA [20200512]
(0008,0060) CS [CR]
(0010,0010) PN [Doe^Jane]
(0010,0020) LO [{patient_id}]
(0020,000d) UI [{uid}]
(0040,0275) SQ
(fffe,e000) -
(0008,0050) SH [ACC9990001]
(fffe,e00d) -
(fffe,e0dd) -
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0010) US 2
(0028,0011) US 2
(0028,0100) US 16
(0028,0101) US 16
(0028,0102) US 15
(0028,0103) US 0
(7fe0,0010) OW 0001\\0002\\0003\\0004
"""
FORMS = {  # option of dump2dcm -> what it writes
    "+te": "explicit little endian",
    "+ti": "implicit little endian",
    "+tb": "explicit big endian",
    "+td": "deflated",
    "-e": "sequences of undefined length",
    "+g": "group lengths",
    "-F": "no file meta information",
}

soffice = pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
dcmtk = pytest.mark.skipif(shutil.which("dump2dcm") is None, reason="DCMTK is not installed")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A set-up that runs; each test has a site of its own."""
    with installed(tmp_path_factory.mktemp("foreign")) as installation:
        installation.up()
        yield installation


def run(*command: object) -> None:
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@soffice
def test_sheets_that_libreoffice_saved(running: Installation, tmp_path: Path) -> None:
    typed, opened = tmp_path / "typed.csv", tmp_path / "opened.xlsx"
    with typed.open("w", newline="", encoding="utf-8") as lines:  # 9994621785 becomes a number, the date a date
        csv.writer(lines).writerows(
            [headers("negative"), ["9994621785", "RR12345678", "2020-05-12", 0], ["999 545 1018", "RR12345679", "2020-05-13", 1]]
        )
    sheet(opened, "positive", [positive(2, {"Sex": 1, "PMH CKD": 0}), positive(3)])  # opened there, and saved again
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    run("soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", tmp_path / "saved", typed, opened)

    for kind, name in (("negative", "typed.xlsx"), ("positive", "opened.xlsx")):
        answer = running.answer("upload", "--site", "RDGM", "--kind", kind, str(tmp_path / "saved" / name))
        assert (answer["accepted"], answer["rows"], answer["errors"]) == (True, 2, [])
    until(lambda: running.known().get("RDGM", {}).get("cases") == 4, "all rows are known")
    states = {"awaiting-images": 3, "awaiting-spreadsheet": 1}  # the positive one of the status sheet has no main row yet
    assert running.sites("--site", "RDGM")["RDGM"]["states"] == states
    assert all(answer["data"] for answer in running.check("9994621785", "9995451018", "9995181630", "9995202697"))


@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_sheets_that_xlsxwriter_wrote(running: Installation, tmp_path: Path, kind: str) -> None:
    site = {"positive": "LARK", "negative": "PENM"}[kind]
    rows = [positive(index) if kind == "positive" else negative(index) for index in range(4)]
    path = sheet(tmp_path / "sheet.xlsx", "positive" if kind == "positive" else "negative", rows, writer="xlsxwriter")
    answer = running.answer("upload", "--site", site, "--kind", kind, str(path))
    assert (answer["accepted"], answer["rows"], answer["errors"]) == (True, 4, [])
    until(lambda: running.known().get(site, {}).get("cases") == 4, "all rows are known")
    assert running.sites("--site", site)[site]["states"] == {"awaiting-images": 4}


def test_each_of_pydicoms_files_is_accounted_for(running: Installation) -> None:
    before = Counter(message.topic for message in running.messages())
    files = [path for path in PYDICOM_FILES.rglob("*") if path.is_file()]
    answer = running.answer("send-images", "--site", "NTHV", str(PYDICOM_FILES), status=1)
    assert answer.keys() == {"studies", "instances", "accepted", "failed", "excluded"}
    assert answer["accepted"] == answer["instances"] > 40
    assert answer["accepted"] + len(answer["failed"]) + len(answer["excluded"]) == len(files) > 150

    told = [each["file"] for each in answer["failed"] + answer["excluded"]]
    assert all(each.keys() == {"file", "problem"} and each["problem"] for each in answer["failed"] + answer["excluded"])
    assert len(told) == len(set(told))
    assert set(told) <= {str(path) for path in files}
    left_out = {Path(each["file"]).name for each in answer["excluded"]}
    failed = {Path(each["file"]).name for each in answer["failed"]}
    assert {"rtplan.dcm", "test-SR.dcm", "DICOMDIR"} <= left_out
    assert {"MR_truncated.dcm", "README.txt"} <= failed
    assert "JPEG2000.dcm" in failed  # a secondary capture
    assert not {"CT_small.dcm", "MR_small.dcm"} & (left_out | failed)

    until(lambda: "NTHV" in running.known(), "images are known")
    assert running.sites("--site", "NTHV")["NTHV"]["studies"]["ct"] > 0
    came = Counter(message.topic for message in running.messages()) - before
    assert came[RAW_IMAGES.name] > 0
    assert came[RAW_IMAGES.name] == came[IMAGES.name] + came[QUARANTINE.name]


@dcmtk
def test_images_that_dcmtk_wrote(running: Installation, tmp_path: Path) -> None:
    for number, option in enumerate(FORMS):
        dump, image = tmp_path / f"{number}.txt", tmp_path / "dumped" / f"{number}.dcm"
        dump.write_text(DUMP.format(uid=f"1.2.3.99.{number}", patient_id=f"XX099900{number}"), encoding="ascii")
        image.parent.mkdir(exist_ok=True)
        run("dump2dcm", option, dump, image)
    picture = tmp_path / "picture.bmp"
    picture.write_bytes(bitmap())
    run("img2dcm", "-i", "BMP", picture, tmp_path / "dumped" / "picture.dcm", *("-k", "PatientID=XX0999999", "-k", "Modality=DX"))

    answer = running.answer("send-images", "--site", "EXMR", str(tmp_path / "dumped"), status=1)
    images = len(FORMS)
    (held,) = answer.pop("failed")
    assert (Path(held["file"]).name, held["problem"][:37]) == ("picture.dcm", "held back: it is a secondary capture ")
    assert answer == {"studies": images, "instances": images, "accepted": images, "excluded": []}
    until(lambda: running.known().get("EXMR", {}).get("cases") == images, "all images are known")
    assert running.sites("--site", "EXMR")["EXMR"]["studies"] == {"xray": images, "ct": 0, "mr": 0}


def bitmap() -> bytes:
    """A picture of two by two in 24 bits: each line padded to eight bytes."""
    pixels = b"\x10\x20\x30\x40\x50\x60\0\0" * 2
    info = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + info + pixels
