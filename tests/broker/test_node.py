"""The image node: whoever sends, and whatever is sent or killed, each object is stored once or its sender is told why not."""

import datetime as dt
import json
import os
import random
import shutil
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from edge.door import open_door
from identity import keyring
from identity.pseudonyms import Pseudonymiser
from local.ports import free_port
from schemas.sites import EXAMPLE, read_sites
from tests.broker.setups import Installation, installed
from tests.edge_factories import CT, DX, HOSPITAL_NUMBERS, dicom_file, hospital_number
from tests.nodes import CALLER, Node, caller, node, sent, until

JANE, JOHN = HOSPITAL_NUMBERS[:2]
SR = "1.2.840.10008.5.1.4.1.1.88.11"
US = "1.2.840.10008.5.1.4.1.1.6.1"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"

ORTHANC = shutil.which("Orthanc", path=os.environ.get("PATH", "") + ":/usr/sbin")  # where Debian puts it
needs_dcmtk = pytest.mark.skipif(shutil.which("dcmsend") is None, reason="dcmtk is not installed")


def image(folder: Path, number: int = 1, **values: Any) -> Dataset:  # noqa: ANN401  # as dicom_file
    uids = {"SOPInstanceUID": f"1.2.3.1.{number}", "SeriesInstanceUID": "1.2.3.7"}
    return pydicom.dcmread(dicom_file(folder / f"{number}.dcm", **uids | values))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as made:
        yield made


def test_each_object_is_answered_by_what_came_of_it(running: Node, tmp_path: Path) -> None:
    nobody = image(tmp_path, 3, PatientID="")
    answers = sent(
        running.port,
        [
            image(tmp_path, 1),
            image(tmp_path, 2, SOPClassUID=DX, Modality="DX"),
            nobody,
            image(tmp_path, 4, SOPClassUID=SR, Modality="SR"),
            image(tmp_path, 5, SOPClassUID=US, Modality="US"),
            image(tmp_path, 6, SOPClassUID=PDF, Modality="DOC"),
            image(tmp_path, 1),
        ],
    )
    not_collected = (0x0122, "only CR, DX, CT and MR images are collected")
    assert answers == [
        (0, ""),
        (0, ""),
        (0xC000, answers[2][1]),
        not_collected,
        not_collected,
        not_collected,
        (0, ""),
    ]
    assert answers[2][1].startswith("its Patient ID cannot be used")
    assert len(answers[2][1]) <= 64
    assert running.verdicts() == {"stored": 2, "resent": 1, "failed": 1, "excluded": 3}
    assert running.metrics()['nccid_node_received_total{site="RDGM"}'] == 7
    assert (len(running.files()), running.instances()) == (2, 2)


def test_what_is_stored_is_the_image_under_pseudonyms(running: Node, tmp_path: Path) -> None:
    original = image(tmp_path)
    sent(running.port, [original])
    (path,) = running.files()
    stored = pydicom.dcmread(path)
    pseudonymiser = Pseudonymiser(keyring.load(running.home.keyring))
    patient = pseudonymiser.patient(read_sites(EXAMPLE)["RDGM"], hospital_number(JANE))
    assert (stored.PatientID, stored.PixelData) == (patient, original.PixelData)
    assert path.relative_to(running.home.store).parts == (
        "RDGM",
        patient,
        stored.StudyInstanceUID,
        stored.SeriesInstanceUID,
        f"{stored.SOPInstanceUID}.dcm",
    )


def test_it_answers_an_echo(running: Node) -> None:
    association = caller(running.port)
    assert association.send_c_echo().Status == 0
    association.release()


def test_callers_who_are_no_site_or_mean_another_node_are_refused(running: Node) -> None:
    unknown, other = caller(running.port, CT, title="SOMEBODY"), caller(running.port, CT, called="OTHER")
    assert (unknown.is_rejected, other.is_rejected) == (True, True)
    told = [each.acceptor.primitive for each in (unknown, other)]
    assert [(each.result, each.result_source, each.diagnostic) for each in told if each] == [(1, 1, 3), (1, 1, 7)]
    until(lambda: running.metrics().get('nccid_node_associations_refused_total{reason="other-node"}') == 1)
    log = running.log.read_text(encoding="utf-8")
    assert "SOMEBODY at 127.0.0.1 was refused: no site in sites.toml has this AE title" in log
    assert "RDGM_PACS at 127.0.0.1 was refused: it called OTHER, and this node is NCCID" in log


def test_the_callers_title_says_whose_images_they_are(running: Node, tmp_path: Path) -> None:
    sent(running.port, [image(tmp_path)])
    sent(running.port, [image(tmp_path)], title="EXMR_PACS")
    assert [path.relative_to(running.home.store).parts[0] for path in running.files()] == ["EXMR", "RDGM"]


def test_limits_are_kept_and_told(tmp_path: Path) -> None:
    limits = {"NCCID_NODE_ASSOCIATIONS": "1", "NCCID_NODE_OBJECT_BYTES": "10000", "NCCID_NODE_IDLE_SECONDS": "2"}
    with node(tmp_path, **limits) as made:
        large, small = image(tmp_path, 1), image(tmp_path, 2)
        large.Rows, large.PixelData = 800, b"\1\2" * 64 * 100
        assert sent(made.port, [large, small]) == [(0xA700, "larger than this node takes; see NCCID_NODE_OBJECT_BYTES"), (0, "")]
        until(lambda: made.metrics()["nccid_node_associations_open"] == 0)
        first, second = caller(made.port), caller(made.port)
        assert (first.is_established, second.is_rejected) == (True, True)
        assert second.acceptor.primitive is not None
        assert (second.acceptor.primitive.result, second.acceptor.primitive.diagnostic) == (2, 2)
        until(lambda: first.is_aborted)  # it said nothing for two seconds
        until(lambda: made.metrics()["nccid_node_associations_open"] == 0)


def test_without_room_on_the_disk_nothing_is_taken_and_the_sender_told(tmp_path: Path) -> None:
    with node(tmp_path, NCCID_NODE_FREE_BYTES=str(1 << 39)) as made:
        assert sent(made.port, [image(tmp_path)]) == [(0xA700, "the disk is full; send again when there is room")]
        assert (made.files(), made.verdicts()) == ([], {"refused": 1})


def test_an_object_that_is_not_the_one_that_was_named_is_not_taken(running: Node, tmp_path: Path) -> None:
    named = image(tmp_path)
    association = caller(running.port, CT)
    named.file_meta.MediaStorageSOPInstanceUID = named.SOPInstanceUID
    request = _request(named)
    request.AffectedSOPInstanceUID = UID("1.2.3.1.99")
    assert _asked(association, request) == 0xA900
    association.release()


def _request(dataset: Dataset) -> Any:  # noqa: ANN401  # a primitive of pynetdicom
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.dsutils import encode

    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = dataset.SOPClassUID
    request.DataSet = BytesIO(encode(dataset, is_implicit_vr=True, is_little_endian=True) or b"")
    return request


def _asked(association: Any, request: Any) -> int:  # noqa: ANN401  # pynetdicom's own
    context = next(each for each in association.accepted_contexts)
    association._reactor_checkpoint.clear()  # its own thread is not to take the answer
    until(lambda: association._is_paused)
    association.dimse.send_msg(request, context.context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return int(answer.Status)


def test_opted_out_patients_are_refused_and_their_images_are_gone(running: Node, tmp_path: Path) -> None:
    sent(running.port, [image(tmp_path, 1), image(tmp_path, 2, PatientID=JOHN, StudyInstanceUID="1.2.9")])
    with open_door(running.home, "RDGM") as door:
        door.withdraw([JANE])
    assert (
        sent(running.port, [image(tmp_path, 1), image(tmp_path, 3)])
        == [(0x0124, "the patient has opted out: dropped, do not send again")] * 2
    )
    assert len(running.files()) == 1
    assert (running.instances(), running.verdicts()["withdrawn"]) == (1, 2)


def test_dicom_over_tls(tmp_path: Path) -> None:
    import ssl

    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    _certify(certificate, key)
    files = {"NCCID_NODE_TLS_CERT": str(certificate), "NCCID_NODE_TLS_KEY": str(key), "NCCID_NODE_TLS_CA": str(certificate)}
    with node(tmp_path, **files) as made:
        ours = ssl.create_default_context(cafile=certificate)
        ours.check_hostname = False
        assert not caller(made.port, CT).is_established
        assert not _speaks(made.port, ours, tmp_path)
        ours.load_cert_chain(certificate, key)
        assert _speaks(made.port, ours, tmp_path)
        assert len(made.files()) == 1


def _certify(certificate: Path, key: Path) -> None:
    """A key and a certificate that it has signed itself."""
    private, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    made = made.serial_number(1).not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate.write_bytes(made.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key.write_bytes(private.private_bytes(*form))


def _speaks(port: int, context: Any, folder: Path) -> bool:  # noqa: ANN401  # an SSLContext
    association = caller(port, CT, tls_args=(context, "localhost"))
    if not association.is_established:
        return False
    answer = association.send_c_store(image(folder))
    association.release()
    return bool(answer.get("Status", -1) == 0)


def test_the_watched_folder_is_emptied_into_the_store_and_what_cannot_be_taken_is_put_aside(
    running: Node, tmp_path: Path
) -> None:
    folder = running.home.incoming / "RDGM"
    until(folder.is_dir)
    dicom_file(tmp_path / "given" / "a" / "1.dcm", SOPInstanceUID="1.2.3.1.1")
    dicom_file(tmp_path / "given" / "2.dcm", SOPInstanceUID="1.2.3.1.2")
    dicom_file(tmp_path / "given" / "report.dcm", SOPClassUID=SR, Modality="SR")
    (tmp_path / "given" / "notes.txt").write_text("not DICOM", encoding="utf-8")
    shutil.copytree(tmp_path / "given", folder / "export")
    until(lambda: not [path for path in folder.rglob("*") if path.is_file()])
    refused = running.home.incoming / "refused" / "RDGM" / "export"
    assert sorted(path.name for path in refused.iterdir()) == [
        "notes.txt",
        "notes.txt.reason.txt",
        "report.dcm",
        "report.dcm.reason.txt",
    ]
    assert "not a DICOM file" in (refused / "notes.txt.reason.txt").read_text(encoding="utf-8")
    until(lambda: running.verdicts() == {"stored": 2, "excluded": 1, "failed": 1})
    assert (len(running.files()), {report.origin for report in running.reports()}) == (2, {"folder"})


def pydicom_files(folder: Path) -> int:
    """pydicom's own test files that are DICOM with a UID of their own; others no sender can send."""
    folder.mkdir()
    uids = set()
    for name in sorted(path for path in Path(pydicom.__file__).parent.glob("data/test_files/**/*") if path.is_file()):
        try:
            header = pydicom.dcmread(name, stop_before_pixels=True)
        except (InvalidDicomError, AttributeError, EOFError):
            continue
        uid = header.file_meta.get("MediaStorageSOPInstanceUID")
        if uid and uid not in uids:
            uids.add(uid)
            shutil.copy(name, folder / f"{len(uids)}.dcm")
    return len(uids)


@needs_dcmtk
def test_dcmtk_is_told_of_every_object_of_a_mixed_folder(running: Node, tmp_path: Path) -> None:
    there = pydicom_files(tmp_path / "mixed")
    assert there > 30
    report = tmp_path / "report.txt"
    options = ["-aet", CALLER, "-aec", "NCCID", "--scan-directories", "--recurse", "--no-halt", "--decompress-never"]
    subprocess.run(
        ["dcmsend", *options, "--create-report-file", str(report), "127.0.0.1", str(running.port), str(tmp_path / "mixed")],
        check=False,
        capture_output=True,
        timeout=120,
    )
    text = report.read_text(encoding="utf-8", errors="replace")
    told = [line.split(":", 1)[1].split()[0] for line in text.splitlines() if line.strip().startswith("DIMSE Status")]
    answered = Counter(told)
    del answered["<not"]  # sent: dcmtk cannot read them itself
    counted = running.verdicts()
    assert sum(answered.values()) == sum(counted.values()) > 30
    assert sum(count for status, count in answered.items() if status == "0x0000") == counted["stored"]
    assert len(running.files()) == running.instances() == counted["stored"] > 5
    assert sum(sum(each.instances.values()) for each in _latest(running).values()) <= counted["stored"]
    for path in running.files():
        subprocess.run(["dcmdump", "-q", str(path)], check=True, capture_output=True)


def _latest(running: Node) -> dict[str, Any]:
    return {report.study: report for report in running.reports()}


@needs_dcmtk
def test_storescu_sends_twice_and_each_is_there_once(running: Node, tmp_path: Path) -> None:
    for number in range(20):
        image(tmp_path / "export", number)
    command = ["storescu", "-R", "-aet", CALLER, "-aec", "NCCID", "+sd", "127.0.0.1", str(running.port), str(tmp_path / "export")]
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert (len(running.files()), running.verdicts()) == (20, {"stored": 20, "resent": 20})


@pytest.mark.skipif(ORTHANC is None, reason="Orthanc is not installed")
def test_orthanc_sends_and_is_told_of_what_is_not_taken(running: Node, tmp_path: Path) -> None:
    port = free_port()
    options = {
        "Name": "sender",
        "StorageDirectory": str(tmp_path / "orthanc"),
        "IndexDirectory": str(tmp_path / "orthanc"),
        "HttpPort": port,
        "DicomPort": free_port(),
        "DicomAet": CALLER,
        "Plugins": [],
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "DicomModalities": {"nccid": ["NCCID", "127.0.0.1", running.port]},
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(options), encoding="utf-8")
    log = tmp_path / "orthanc.log"
    with (
        log.open("wb") as out,
        subprocess.Popen([ORTHANC or "", str(tmp_path / "orthanc.json")], stdout=out, stderr=out) as sender,
    ):
        try:
            until(lambda: _answers(port, "/system"))
            for number in range(8):
                path = dicom_file(
                    tmp_path / f"{number}.dcm",
                    SOPInstanceUID=f"1.2.3.1.{number}",
                    SeriesInstanceUID="1.2.3.7",
                    SOPClassUID=SR if number > 5 else CT,
                )
                _post(port, "/instances", path.read_bytes())
            ids = _answers(port, "/instances")
            job = {"Resources": ids, "Synchronous": True, "Permissive": True}
            _post(port, "/modalities/nccid/store", json.dumps(job).encode())
        finally:
            sender.terminate()
    assert log.read_text(encoding="utf-8").count("0x0122") == 2
    assert running.verdicts() == {"stored": 6, "excluded": 2}
    assert len(running.files()) == 6


def _answers(port: int, path: str) -> Any:  # noqa: ANN401  # JSON
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as page:  # a program of our own
            return json.loads(page.read())
    except OSError:
        return None


def _post(port: int, path: str, body: bytes) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", body)) as page:  # as above
        return bytes(page.read())


OBJECTS, CALLERS, KILLS = 1_000, 4, 20


def test_killed_twenty_times_while_a_thousand_images_come_each_is_there_once(tmp_path: Path) -> None:
    images = [
        image(tmp_path, number, StudyInstanceUID=f"1.2.3.{number % 10}", PatientID=HOSPITAL_NUMBERS[number % 2])
        for number in range(OBJECTS)
    ]
    made = Node(tmp_path / "node")
    quick_to_settle(made, "1s")
    acknowledged: set[str] = set()
    threads = [
        threading.Thread(target=_insist, args=(made.port, images[start::CALLERS], acknowledged)) for start in range(CALLERS)
    ]
    chance = random.Random(7)
    try:
        made.start()
        for thread in threads:
            thread.start()
        for kill in range(KILLS):
            until(lambda kill=kill: len(acknowledged) >= kill * OBJECTS // (KILLS + 1))  # type: ignore[misc]  # the loop's own
            time.sleep(chance.random() / 20)
            if kill % 4 == 3:  # one of its processes alone: all end
                chance.choice(made.main.children()).kill()
                assert made.process is not None
                assert made.process.wait(10) == 1
            else:
                made.kill()
            made.start()
        for thread in threads:
            thread.join(120)
        assert len(acknowledged) == OBJECTS
        until(lambda: sum(value for name, value in made.metrics().items() if "settling" in name) == 0)
        assert made.stop() == 0
    finally:
        made.end()
    names = [path.name for path in made.files()]
    assert len(names) == len(set(names)) == OBJECTS
    assert made.instances() == OBJECTS
    assert made.last_reported() == OBJECTS
    assert not [path for path in (made.home.store / ".staging").rglob("*") if path.is_file()]


def _insist(port: int, images: list[Dataset], acknowledged: set[str]) -> None:
    """Sends until each has been acknowledged, over as many associations as it takes."""
    left = list(images)
    while left:
        association = caller(port, CT)
        while left and association.is_established:
            try:
                answer = association.send_c_store(left[0])
            except (RuntimeError, ValueError):
                break
            if answer.get("Status", -1) != 0:
                break
            acknowledged.add(str(left.pop(0).SOPInstanceUID))
        if association.is_established:
            association.release()
        else:
            time.sleep(0.05)


def quick_to_settle(made: Node | Installation, quiet: str) -> None:
    rules = made.home.rules.read_text(encoding="utf-8")
    made.home.rules.write_text(rules.replace('quiet = "5m"', f'quiet = "{quiet}"'), encoding="utf-8")


def test_what_is_open_when_the_node_is_killed_settles_after_its_next_start(tmp_path: Path) -> None:
    made = Node(tmp_path)
    quick_to_settle(made, "3s")
    try:
        made.start()
        sent(made.port, [image(tmp_path, 1), image(tmp_path, 2)])
        made.kill()
        assert [report.settled for report in made.reports()] == [False]
        made.start()
        until(lambda: len(made.reports()) == 2)
        assert made.metrics()['nccid_node_studies_settling{site="RDGM"}'] == 0
    finally:
        made.end()
    assert [(report.settled, report.instances) for report in made.reports()] == [(False, {"CT": 1}), (True, {"CT": 2})]


def test_no_identifier_is_in_any_byte_that_the_node_leaves(running: Node, tmp_path: Path) -> None:
    planted = ("RR99977777", "PLANTEDNAME", "19010203", "ACC999888", "1.2.999.777.1", "PLANTED LANE")
    values = {
        "PatientID": planted[0],
        "PatientName": f"{planted[1]}^JANE",
        "PatientBirthDate": planted[2],
        "AccessionNumber": planted[3],
        "StudyInstanceUID": planted[4],
        "PatientAddress": planted[5],
    }
    images = [image(tmp_path, 1, **values), image(tmp_path, 2, **values | {"PatientID": planted[0] + "\\" + planted[1]})]
    answers = sent(running.port, images)
    assert [status for status, _ in answers] == [0, 0xC000]
    running.kill()
    left = b"".join(path.read_bytes() for path in running.home.root.rglob("*") if path.is_file())
    left += b"".join(bytes(path) for path in running.home.root.rglob("*")) + running.log.read_bytes() + str(answers).encode()
    assert b"study-received" in left
    assert [text for text in planted if text.encode() in left.upper()] == []


def test_from_pacs_to_the_checker(tmp_path: Path) -> None:
    with installed(tmp_path) as installation:
        quick_to_settle(installation, "4s")
        installation.up()
        words = installation.stdout.read_text(encoding="utf-8").split()
        port = int(next(word for word in words if word.startswith("node=")).rpartition(":")[2])
        sent(port, [image(tmp_path, 1), image(tmp_path, 2)])
        flags: Callable[[], dict[str, int]] = lambda: installation.known().get("RDGM", {}).get("flags", {})  # noqa: E731  # short
        until(lambda: flags().get("images-still-arriving") == 1)
        until(lambda: installation.known() and "images-still-arriving" not in flags())
        assert installation.sites()["RDGM"]["studies"] == {"xray": 0, "ct": 1, "mr": 0}
