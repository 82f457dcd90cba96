"""An object store as destination: the same export against a server that speaks S3."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handover.destination import DestinationError
from handover.layout import Processed
from handover.objects import Objects
from handover.places import destination
from schemas.problems import UnusableInputError
from tests.factories import BOB, RR1, RR2, patient_withdrawn
from tests.handovers import TOMORROW, Handover, image_name, pseudonym
from tests.stores import SETTINGS, moto, new_bucket


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    name = f"b{abs(hash(request.node.name))}"
    new_bucket(endpoint, name)
    return name


@pytest.fixture
def handover(tmp_path: Path, bucket: str) -> Handover:
    return Handover(tmp_path, to=Objects(f"s3://{bucket}/below")).complete(RR1).complete(RR2, BOB, kind="negative")


def test_the_same_names_as_in_a_folder_and_whole(handover: Handover) -> None:
    outcome = handover.export()
    assert (outcome.delivered, outcome.data, outcome.status, outcome.images) == (2, 1, 1, 2)
    assert handover.delivered() == sorted(
        [
            f"raw-nccid/2020-06-01/data/{pseudonym(RR1)}_data.json",
            f"raw-nccid/2020-06-01/data/{pseudonym(RR2)}_status.json",
            f"raw-nccid/2020-06-01/images/{image_name(RR1, f'S-RDGM-{RR1}-1')}.dcm",
            f"raw-nccid/2020-06-01/images/{image_name(RR2, f'S-RDGM-{RR2}-1')}.dcm",
        ]
    )
    assert handover.json(handover.delivered()[0])["Pseudonym"] in {pseudonym(RR1), pseudonym(RR2)}
    assert handover.manifest()["counts"]["image"] == 2
    assert handover.export().delivered == 0
    assert handover.verify().ok


def test_verify_finds_missing_changed_and_extra_objects(handover: Handover) -> None:
    handover.export()
    missing, changed, *_ = handover.delivered()
    handover.destination.delete(missing)
    handover.destination.put(changed, b"{}")
    handover.destination.put("raw-nccid/2020-06-01/data/CovidX_data.json", b"{}")
    counts = handover.verify().counts
    assert counts == {"missing": 1, "changed": 1, "extra": 1}


def test_in_a_place_that_is_not_ours_files_are_listed_and_left(handover: Handover) -> None:
    handover.export()
    handover.arrives(patient_withdrawn())
    outcome = handover.export(TOMORROW)
    assert (outcome.withdrawn, outcome.deleted, outcome.to_delete) == (1, 0, 3)
    listed = [each["path"] for each in handover.manifest(TOMORROW)["delete"]]
    assert len(listed) == 3
    assert handover.verify(TOMORROW).counts == {"to-delete": 3}
    for path in listed:  # the warehouse does as it is asked
        handover.destination.delete(path)
    assert handover.verify(TOMORROW).ok


def test_the_processed_layout_there_too(handover: Handover) -> None:
    handover.layout = Processed()
    handover.export()
    assert handover.verify().ok


def test_a_large_image_goes_in_parts_and_arrives_whole(handover: Handover, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(11_000_000))
    handover.destination.put("large.bin", large)
    digest = handover.destination.digest("large.bin")
    assert digest is not None
    assert digest.size == 11_000_000


# --- one export at a time ------------------------------------------------------------------------------------------------

HOLDING = """
import sys
from handover.places import destination
with destination(sys.argv[1]).alone():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["folder", "objects"])
def place(request: pytest.FixtureRequest, tmp_path: Path, bucket: str) -> str:
    return str(tmp_path / "out") if request.param == "folder" else f"s3://{bucket}/locked"


def holding(place: str) -> "subprocess.Popen[str]":
    """A process that tries to have a place to itself; it ends when its input does."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", HOLDING, place], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def said(process: "subprocess.Popen[str]") -> str:
    """The first line that it says: nothing where it was refused."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_of_two_processes_at_once_one_has_the_place(place: str) -> None:
    both = [holding(place) for _ in range(2)]
    assert sorted(said(each) for each in both) == ["", "held"]
    words = [each.communicate("")[1] for each in both]
    assert sorted("another export runs to" in each for each in words) == [False, True]
    with destination(place).alone():
        pass


def test_who_comes_second_is_told_whose_it_is_and_what_to_do(bucket: str) -> None:
    first = holding(f"s3://{bucket}/locked")
    assert said(first) == "held"
    second = Objects(f"s3://{bucket}/locked")
    with (
        pytest.raises(DestinationError, match=rf"process {first.pid} on {socket.gethostname()}, since .* UTC.*--unlock"),
        second.alone(),
    ):
        pytest.fail("two have it")
    first.communicate("")
    with second.alone():
        assert list(second.paths("")) == ["lock.json"]
    assert list(second.paths("")) == []


def test_after_kill_9_a_folder_is_free_and_a_bucket_is_once_somebody_says_so(place: str) -> None:
    killed = holding(place)
    assert said(killed) == "held"
    killed.kill()
    killed.communicate()
    if "://" in place:
        with pytest.raises(DestinationError, match="If that process is no more"), destination(place).alone():
            pytest.fail("it is locked")
        assert f"the lock of process {killed.pid} on" in destination(place).unlock()
        assert "nobody has locked" in destination(place).unlock()
    else:
        assert "nothing to take away" in destination(place).unlock()
    with destination(place).alone():
        pass


def test_nobody_takes_away_a_lock_that_is_anothers_by_now(handover: Handover) -> None:
    to = handover.destination
    with to.alone():
        to.put("lock.json", b'{"id": "other", "host": "h", "process": 1, "since": "2020-01-01T00:00:00Z"}')
    assert to.get("lock.json") is not None
    to.put("lock.json", b"damaged")
    with pytest.raises(DestinationError, match="an unknown machine"):
        handover.export()


def test_who_is_told_to_end_while_it_locks_leaves_no_lock(bucket: str) -> None:
    class Interrupted(Objects):
        """SIGTERM comes after the lock was made, before its maker knows."""

        def create(self, path: str, content: bytes) -> bool:
            super().create(path, content)
            raise SystemExit

    interrupted = Interrupted(f"s3://{bucket}/interrupted")
    with pytest.raises(SystemExit), interrupted.alone():
        pytest.fail("it went on")
    assert interrupted.get("lock.json") is None


def test_a_store_that_knows_no_conditions_is_refused(bucket: str) -> None:
    class Careless(Objects):
        """A server that passes over ``If-None-Match``; none that can be started here does."""

        def create(self, path: str, content: bytes) -> bool:
            self.put(path, content)
            return True

    careless = Careless(f"s3://{bucket}/careless")
    with pytest.raises(DestinationError, match="conditional puts"), careless.alone():
        pytest.fail("it was locked")
    assert careless.get("lock.json") is None


def test_a_lock_is_no_delivered_file(handover: Handover) -> None:
    handover.export()
    with handover.destination.alone():
        assert handover.verify().ok


def test_what_is_not_there_is_nothing(handover: Handover) -> None:
    assert handover.destination.get("nothing") is None
    assert handover.destination.digest("nothing") is None
    handover.destination.delete("nothing")


def test_a_bucket_that_is_not_there_is_told(bucket: str) -> None:
    with pytest.raises(DestinationError, match="make the bucket first"):
        Objects(f"s3://{bucket}-not/x").put("a", b"")


def test_a_store_that_does_not_answer_is_told(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    monkeypatch.setattr("handover.objects._RETRY", {"max_retries": 0})
    with pytest.raises(DestinationError, match="cannot be used"):
        Objects(f"s3://{bucket}/x").put("a", b"")


@pytest.mark.parametrize("name", ["nothing://x", "s3://"])
def test_an_address_that_is_none_is_told(name: str) -> None:
    with pytest.raises(UnusableInputError, match="no destination"):
        destination(name)
