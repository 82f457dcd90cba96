"""Promise 1, over every byte: identifiers are planted wherever a hospital has them, and looked for in all that the system writes.

Looked for are the identifiers themselves in several spellings and encodings, base64 of them wherever it may begin, and digests
without a key, which anyone could compute for all ten digits. Not searched are the hospital's own files, its keyring, what a
command says on the nurse's own screen about the nurse's own files, and the garbage that the test itself puts on a topic in clear.
"""

import base64
import contextlib
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from kafka import KafkaProducer
from pydicom import dcmread
from pydicom.dataset import Dataset

from schemas.sites import EXAMPLE, read_sites
from schemas.topics import COVERAGE_STATUS, IMAGES, QUARANTINE, RAW_IMAGES, RAW_ROWS, ROWS
from streams.topology import TOPOLOGY
from synth.files import write_world
from synth.model import World
from synth.world import make_world
from tests.broker import setups
from tests.broker.setups import Installation, installed, until
from tests.edge_factories import dicom_file
from tests.sheets import TODAY, positive, sheet

PLANTED = {  # in no invented world
    "NHS/CHI number": "9995202697",
    "hospital number": "RR99977531",
    "family name": "Quillfeather",
    "given name": "Zebediah",
    "accession number": "ACC99QF0042",
    "study UID": "1.2.826.0.1.3680043.9.7531.42",
    "series UID": "1.2.826.0.1.3680043.9.7531.42.1",
    "instance UID": "1.2.826.0.1.3680043.9.7531.42.1.1",
    "address": "17 Marrowfat Crescent",
    "telephone": "01632 960753",
    "physician": "Thistlewood",
}
NUMBER, OWN = PLANTED["NHS/CHI number"], PLANTED["hospital number"]
GARBAGE = f"not a record: {NUMBER} Quillfeather {OWN}".encode()

_SHORTEST = 6  # what is looked for; five digits could be a port
_WORLD = 9  # seed
_PATIENTS = 30


@dataclass(frozen=True, slots=True)
class Everything:
    """All that was written while the system ran, by where it was found; and the world that was given in."""

    written: dict[str, bytes]
    world: World
    folder: Path  # of the world's files


def test_no_identifier_is_in_anything_that_was_written(everything: Everything) -> None:
    search = Search(identifiers(everything.world))
    assert {place: found for place, content in everything.written.items() if (found := search.found_in(content))} == {}


def test_all_of_it_was_searched(everything: Everything) -> None:
    places = everything.written.keys()
    for topic in (RAW_ROWS, RAW_IMAGES, ROWS, IMAGES, COVERAGE_STATUS, QUARANTINE):
        assert any(place.startswith(f"topic {topic.name} ") for place in places), topic.name
    names = {Path(place).name for place in places}
    broker = () if setups.CLUSTERS else ("broker",)
    logs = {f"{role}.log" for role in (*broker, "sender", *(f"worker-{'-'.join(steps)}" for steps in TOPOLOGY.workers))}
    assert {"outbox.sqlite3", "outbox.sqlite3-wal", "up.json"} | logs <= names
    assert {"stdout of up", "stderr of up", "check", "check --json", "status"} <= places
    assert any(place.startswith("environment of") for place in places)
    assert sum(map(len, everything.written.values())) > 100_000


def test_what_could_not_be_used_was_quarantined(everything: Everything) -> None:
    kept = [
        json.loads(value) for place, value in everything.written.items() if place.startswith(f"topic {QUARANTINE.name} value")
    ]
    assert sorted({record["reason"] for record in kept}) == ["seal-broken", "undecodable"]
    assert all(record["sealed"] for record in kept if record["reason"] == "undecodable")


def test_the_search_finds_what_is_there(everything: Everything) -> None:
    """Each identifier is found in the hospital's own files, and in whatever form the system could have let it out."""
    search = Search(identifiers(everything.world))
    image = next(everything.folder.rglob("*.dcm"))
    number = str(dcmread(image, specific_tags=["PatientID"]).PatientID).strip()
    assert number in search.found_in(image.read_bytes())
    assert search.found_in(GARBAGE) == ["9995202697", "Quillfeather", "RR99977531"]
    for let_out in (
        "999 520 2697",
        "999-520-2697",
        "xx 999\u00a0520\u00a02697",
        "QUILLFEATHER^ZEBEDIAH",
        "rr99977531",
        '{"digits": "99977531"}',
        "Mrs%20Quillfeather.xlsx",
        f'{{"original": "{base64.b64encode(b"ab" + GARBAGE).decode()}"}}',
        base64.urlsafe_b64encode(b'{"patient_id": "RR99977531"}').decode(),
        hashlib.sha256(NUMBER.encode()).hexdigest(),
        hashlib.md5(NUMBER.encode()).hexdigest().upper(),  # noqa: S324  # not to protect, but to be found
        base64.b64encode(hashlib.sha256(NUMBER.encode()).digest()).decode(),
        NUMBER.encode().hex(),
    ):
        assert search.found_in(let_out.encode()), let_out
    assert search.found_in(NUMBER.encode("utf-16-le"))
    assert search.found_in(b"Covid4QHA7XK3ZP2M9WTB 2026-11-22T02:38:23.423412Z 1790000000000000") == []


# --- what is planted, and what is looked for ---------------------------------------------------------------------------


def identifiers(world: World) -> list[str]:
    """Everything that identifies a person or an examination, of the world and of the planted patient."""
    found = set(PLANTED.values())
    for patient in world.patients:
        person = patient.person
        found |= {person.nhs_number, patient.hospital_number, person.address, f"{person.family_name}^{person.given_name}"}
    for delivery in world.deliveries:
        found |= {row.hospital_number for row in delivery.rows} | {row.nhs_number for row in delivery.rows if row.nhs_number}
        for sending in delivery.sendings:
            found |= {sending.study.uid, sending.study.accession}
            for instance in sending.instances:
                found |= {instance.uid, instance.series, instance.patient_id}
    return sorted(found)


class Search:
    """Looks for identifiers in bytes, for all of them in one go: at each place, those forms that begin as the bytes there do."""

    def __init__(self, identifiers: Iterable[str]) -> None:
        self._beginning: dict[bytes, list[tuple[bytes, str]]] = defaultdict(list)
        for identifier in identifiers:
            for form in {form.lower() for spelling in spellings(identifier) for form in forms(spelling)}:
                self._beginning[form[:_SHORTEST]].append((form, identifier))

    def found_in(self, content: bytes) -> list[str]:
        """The identifiers that are there in some form. Letter case is ignored, in base64 too: nothing is that way by chance."""
        lower = content.lower()
        found = set()
        for at in range(len(lower) - _SHORTEST + 1):
            for form, identifier in self._beginning.get(lower[at : at + _SHORTEST], ()):
                if lower.startswith(form, at) and not _cut_short(form, lower[at - 1 : at], lower[at + len(form) :][:1]):
                    found.add(identifier)
        return sorted(found)


def _cut_short(form: bytes, before: bytes, after: bytes) -> bool:
    """Few digits may by chance stand within a longer number or a digest."""
    return form.isdigit() and len(form) < 10 and (before.isalnum() or after.isalnum())


def spellings(identifier: str) -> Iterator[str]:
    """How people write it."""
    yield identifier
    if re.fullmatch(r"\d{10}", identifier):
        parts = identifier[:3], identifier[3:6], identifier[6:]
        yield from (between.join(parts) for between in (" ", "-", "\u00a0", "%20", "+"))
    elif re.fullmatch(r"[A-Z]{1,2}\d{7,}", identifier):
        yield identifier.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def forms(spelling: str) -> Iterator[bytes]:
    """In which bytes it might leave."""
    plain = spelling.encode()
    if len(plain) >= _SHORTEST:
        yield from (plain, plain.hex().encode(), spelling.encode("utf-16-le"), json.dumps(spelling)[1:-1].encode())
    if len(plain) >= 8:
        yield from _within_base64(plain)
    if re.fullmatch(r"\d{10}|[A-Z]{1,2}\d+", spelling):
        for digest in (hashlib.md5(plain), hashlib.sha1(plain), hashlib.sha256(plain), hashlib.sha512(plain)):  # noqa: S324
            yield digest.hexdigest().encode()
            yield base64.b64encode(digest.digest()).rstrip(b"=")
            yield base64.urlsafe_b64encode(digest.digest()).rstrip(b"=")


def _within_base64(plain: bytes) -> Iterator[bytes]:
    """What base64 makes of it after no, one and two other bytes, less what depends on the bytes around it."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + plain)
        first = -(-before * 8 // 6)
        last = (before + len(plain)) * 8 // 6
        yield whole[first:last]
        yield whole[first:last].replace(b"+", b"-").replace(b"/", b"_")


# --- the whole system at work -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Everything:
    """A world and the planted patient given in, refused, quarantined and asked for, with a crash; then all that was written."""
    root = tmp_path_factory.mktemp("identifiers")
    world = make_world(_WORLD, _PATIENTS, read_sites(EXAMPLE), TODAY)
    folder = root / "world"
    write_world(world, folder)
    with installed(root) as installation:
        written: dict[str, bytes] = {}
        installation.up()
        _give_in(installation, world, folder)
        _give_in_what_cannot_be_used(installation)
        _crash(installation)
        _ask(installation, world, written)
        written |= dict(_of_processes(installation)) | dict(_on_topics(installation)) | dict(_in_files(installation))
        installation.stop()
        written |= dict(_in_files(installation, "after the stop"))
    return Everything(written, world, folder)


def _give_in(installation: Installation, world: World, folder: Path) -> None:
    for delivery in json.loads((folder / "deliveries.json").read_text(encoding="utf-8")):
        installation.deliver(delivery["site"], delivery["kind"], folder / delivery["path"])
    named = installation.root / f"{NUMBER} Mrs Quillfeather {OWN}"
    named.mkdir()
    row = positive(3, {"Hospital (Internal) Number": OWN, "Hospital": "Ridgemoor Royal"})
    workbook = sheet(named / f"{NUMBER} Quillfeather.xlsx", "positive", [row])
    assert installation.answer("upload", "--site", "RDGM", "--kind", "positive", str(workbook))["accepted"]
    image = _image(named / "Quillfeather^Zebediah" / f"{NUMBER}.dcm")
    assert installation.answer("send-images", "--site", "RDGM", str(image.parent))["accepted"] == 1
    sites = {patient.site for patient in world.patients}
    until(lambda: installation.known().keys() == sites, "all sites are known")
    until(lambda: installation.known()["RDGM"]["states"].get("complete"), "something is complete")


def _image(path: Path) -> Path:
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = NUMBER, "NHS", "TEXT"
    return dicom_file(
        path,
        PatientID=OWN,
        PatientName=f"{PLANTED['family name']}^{PLANTED['given name']}",
        OtherPatientIDsSequence=[other],
        PatientComments=f"NHS {NUMBER}",
        PatientAddress=PLANTED["address"],
        PatientTelephoneNumbers=PLANTED["telephone"],
        AccessionNumber=PLANTED["accession number"],
        StudyID=PLANTED["accession number"][-6:],
        StudyInstanceUID=PLANTED["study UID"],
        SeriesInstanceUID=PLANTED["series UID"],
        SOPInstanceUID=PLANTED["instance UID"],
        ReferringPhysicianName=PLANTED["physician"],
        StudyDescription=f"Chest {PLANTED['family name']}",
        InstitutionAddress=PLANTED["address"],
    )


def _give_in_what_cannot_be_used(installation: Installation) -> None:
    """A sheet with errors, files that are no images, bytes that are no record, and a record whose seal is broken."""
    folder = installation.root / "refused"
    folder.mkdir()
    wrong = positive(3, {"NHS/CHI Number": "9995202698", "Hospital (Internal) Number": OWN, "Hospital": f"Quillfeather {NUMBER}"})
    workbook = sheet(folder / f"{NUMBER}.xlsx", "positive", [wrong])
    assert not installation.answer("upload", "--site", "RDGM", "--kind", "positive", str(workbook), status=1)["accepted"]
    (folder / f"{NUMBER}.csv").write_bytes(GARBAGE)
    installation.run("upload", "--site", "RDGM", "--kind", "negative", str(folder / f"{NUMBER}.csv"))
    installation.run("send-images", "--site", "RDGM", str(folder))

    row = next(message for message in installation.messages() if message.topic == RAW_ROWS.name)
    record = json.loads(row.value)
    sealed = record["identity"]["text"]
    record["identity"]["text"] = sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:]
    producer = KafkaProducer(bootstrap_servers=installation.address)
    try:
        producer.send(RAW_ROWS.name, key=row.key, value=json.dumps(record).encode())
        producer.send(RAW_ROWS.name, key=row.key, value=GARBAGE)
        producer.send(RAW_IMAGES.name, key=row.key, value=GARBAGE)
        producer.flush(10)
    finally:
        producer.close()
    until(lambda: _quarantined(installation) == 3, "they are quarantined")


def _quarantined(installation: Installation) -> int:
    return len({message.key for message in installation.messages() if message.topic == QUARANTINE.name})


def _crash(installation: Installation) -> None:
    installation.kill("worker", "pseudonymise")
    late = dicom_file(installation.root / f"{OWN}.dcm", PatientID=OWN, StudyInstanceUID="1.2.826.0.1.3680043.9.7531.43")
    before = installation.known()["RDGM"]["studies"]["ct"]
    installation.deliver("RDGM", "images", late)
    until(lambda: installation.known()["RDGM"]["studies"]["ct"] == before + 1, "the worker is back")


def _ask(installation: Installation, world: World, written: dict[str, bytes]) -> None:
    numbers = [person.nhs_number for person in world.people]
    asked = "\n".join([NUMBER, "999 520 2698", OWN, *numbers])
    for name, command in (("check", ["check"]), ("check --json", ["check", "--json"]), ("status", ["status"])):
        ran = installation.run(*command, stdin=asked)
        assert ran.returncode == 0
        written[name] = (ran.stdout + ran.stderr).encode()


def _of_processes(installation: Installation) -> Iterator[tuple[str, bytes]]:
    """What every user of the machine can see of the set-up's processes."""
    for process in installation.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            yield f"command line of {process.pid}", "\0".join(process.cmdline()).encode()
            yield f"environment of {process.pid}", json.dumps(process.environ()).encode()


def _on_topics(installation: Installation) -> Iterator[tuple[str, bytes]]:
    """Every record, but for the garbage that this test itself has put there in clear."""
    for message in installation.messages():
        if message.value == GARBAGE:
            continue
        at = f"topic {message.topic} %s {message.partition}/{message.offset}"
        yield at % "key", message.key or b""
        yield at % "value", message.value or b""
        yield at % "headers", repr(message.headers).encode()


def _in_files(installation: Installation, when: str = "while running") -> Iterator[tuple[str, bytes]]:
    for path in installation.home.root.rglob("*"):
        yield f"path {path.relative_to(installation.home.root)} {when}", str(path.relative_to(installation.home.root)).encode()
        if path.is_file() and path != installation.home.keyring:
            yield f"{when} {path}", path.read_bytes()
    yield f"stdout of up{'' if when == 'while running' else ' ' + when}", installation.stdout.read_bytes()
    yield f"stderr of up{'' if when == 'while running' else ' ' + when}", installation.stderr.read_bytes()
