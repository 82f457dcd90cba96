"""The image node's parts: settings, what is negotiated, what callers are told, bounds on what is taken, who goes to whom."""

import datetime as dt
import gc
import socket
import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

from edge.deidentify.deidentify import Deidentified, Deidentifier, Held
from edge.deidentify.rewriting import Rewriter
from edge.images.headers import ENDS_EARLY, Excluded, Unusable
from edge.node.classes import BELONGING, acceptable
from edge.node.counting import NodeMetrics
from edge.node.desk import DECODE, Closed, Counted, Desk, Done, WriterGoneError
from edge.node.gate import Gate
from edge.node.line import Line, Received, _values
from edge.node.node import callers
from edge.node.receiver import FULL, ROOM, Receiver
from edge.node.settings import node_settings
from edge.node.stager import Kit
from edge.node.verdicts import Answer, Verdict, answer_to, comment
from edge.node.watcher import Ripening
from edge.node.writer import Writer
from edge.sending.outbox import Outbox
from edge.store.folder import Staging, Store
from edge.store.intake import Intake, Staged, Taken, stage
from identity.keyring import Keyring
from identity.seal import Sealer
from schemas.home import Home
from schemas.metrics import METRICS, NODE
from schemas.problems import UnusableInputError
from schemas.rules import default_rules
from schemas.sites import EXAMPLE, read_sites
from tests.edge_factories import CT, HOSPITAL_NUMBERS, NOON, PSEUDONYMISER, SEALER, SITE, dicom_file
from tests.nodes import caller, until
from web.metrics import collectors, new_registry, page

HOME = Home(Path("home"))
JOHN = HOSPITAL_NUMBERS[1]
SITES = read_sites(EXAMPLE)
JPEG, EXPLICIT, IMPLICIT, JPIP = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.94"


# --- settings -----------------------------------------------------------------------------------------------------------


def test_what_is_not_set_has_a_sensible_value() -> None:
    settings = node_settings({}, HOME)
    assert (settings.host, settings.port, settings.ae_title) == ("127.0.0.1", 11112, "NCCID")
    assert (settings.tls, settings.metrics, settings.watch) == (None, None, Path("home/incoming"))
    assert 1 <= settings.receivers <= 4


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NCCID_PORT", "http", "NCCID_PORT must be a whole number from 0 to 65535"),
        ("NCCID_NODE_RECEIVERS", "0", "from 1 to 64"),
        ("NCCID_NODE_PDU_BYTES", "-1", "NCCID_NODE_PDU_BYTES must be a whole number"),
        ("NCCID_NODE_AE_TITLE", "A TITLE THAT IS TOO LONG", "1 to 16 plain characters"),
        ("NCCID_NODE_AE_TITLE", "A\\B", "no backslash"),
        ("NCCID_NODE_TLS_CERT", "cert.pem", "needs both NCCID_NODE_TLS_CERT and NCCID_NODE_TLS_KEY"),
    ],
)
def test_a_setting_that_is_not_understood_is_named(name: str, value: str, words: str) -> None:
    with pytest.raises(UnusableInputError, match=words):
        node_settings({name: value}, HOME)


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    names = {"NCCID_NODE_TLS_CERT": str(tmp_path / "none.pem"), "NCCID_NODE_TLS_KEY": str(tmp_path / "none.pem")}
    with pytest.raises(UnusableInputError, match=r"NCCID_NODE_TLS_CERT: .* cannot be read"):
        node_settings(names, HOME)


def test_an_ae_title_belongs_to_one_site_outer_spaces_do_not_count() -> None:
    one, other = SITES["RDGM"], msgspec.structs.replace(SITES["EXMR"], ae_titles=["RDGM_PACS "])
    with pytest.raises(UnusableInputError, match="AE title RDGM_PACS belongs to RDGM and to EXMR"):
        callers({"RDGM": one, "EXMR": other})


def test_a_registry_without_any_ae_title_is_told() -> None:
    with pytest.raises(UnusableInputError, match="no site has an AE title"):
        callers({"RDGM": msgspec.structs.replace(SITES["RDGM"], ae_titles=[])})


# --- what is negotiated, and told ---------------------------------------------------------------------------------------


def test_the_callers_order_of_transfer_syntaxes_counts_so_that_what_is_compressed_comes_as_it_is() -> None:
    (accepted,) = acceptable([build_context(CT, [JPEG, EXPLICIT, JPIP]), build_context(CT, [IMPLICIT])])
    assert [str(each) for each in accepted.transfer_syntax or []] == [JPEG, EXPLICIT, IMPLICIT]


def test_classes_that_do_not_belong_are_accepted_so_that_each_object_can_be_refused() -> None:
    report, document = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.104.1"
    proposed = [*BELONGING, report, document, str(Verification)]
    assert [str(each.abstract_syntax) for each in acceptable(build_context(each) for each in proposed)] == proposed


def test_what_is_no_storage_or_comes_without_pixels_is_not_accepted() -> None:
    find = "1.2.840.10008.5.1.4.1.2.1.1"
    assert acceptable([build_context(find), build_context(CT, [JPIP])]) == []


@given(st.text())
def test_a_comment_fits_into_its_element(text: str) -> None:
    told = comment(text)
    assert len(told) <= 64
    assert told.isascii()
    assert "\\" not in told


def test_a_long_comment_ends_where_a_clause_does() -> None:
    text = "its Patient ID cannot be used, since there is no number; correct it in PACS and export the image again"
    assert comment(text) == "its Patient ID cannot be used, since there is no number"
    assert comment(ENDS_EARLY) == "the file holds no whole picture"
    assert comment("word " * 20) == ("word " * 13).rstrip()


@pytest.mark.parametrize(
    ("outcome", "verdict", "status"),
    [
        (Excluded("no"), Verdict.EXCLUDED, 0xC122),
        (Unusable("no"), Verdict.FAILED, 0xC000),
        (Held("no"), Verdict.HELD, 0xC001),
    ],
)
def test_what_is_not_taken_has_a_status_of_failure(outcome: Excluded | Unusable | Held, verdict: Verdict, status: int) -> None:
    answer = answer_to(outcome)
    assert (answer.verdict, answer.told()) == (verdict, (status, "no"))


@pytest.mark.parametrize("verdict", Verdict)
def test_success_is_told_only_of_what_is_in_the_store(verdict: Verdict) -> None:
    assert (Answer(verdict).told()[0] == 0) == (verdict in {Verdict.STORED, Verdict.RESENT})


# --- bounds -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=40)), st.integers(0, 100))
def test_a_data_set_beyond_the_limit_is_counted_and_not_kept(parts: list[bytes], limit: int) -> None:
    received, whole = Received(limit), b"".join(parts)
    for part in parts:
        assert received.write(part) == len(part)
    assert received.length == len(whole)
    assert received.getvalue() == (b"" if received.is_too_long else whole)
    assert received.is_too_long == (len(whole) > limit)


@given(st.lists(st.tuples(st.integers(1, 255), st.binary(min_size=1, max_size=50)), min_size=1, max_size=5))
def test_data_is_cut_as_pynetdicom_cuts_it(values: list[tuple[int, bytes]]) -> None:
    primitive = P_DATA()
    primitive._presentation_data_value_list = values
    encoded = P_DATA_TF(primitive).encode()
    assert [(context, bytes(value)) for context, value in _values(memoryview(encoded))] == values


@pytest.mark.parametrize("length", [0, 1, 7, 2**31])
def test_a_value_that_does_not_end_where_it_says_is_no_data(length: int) -> None:
    body = length.to_bytes(4, "big") + b"\1\3"
    with pytest.raises(ValueError, match="does not end"):
        _values(memoryview(b"\4\0" + len(body).to_bytes(4, "big") + body))


# --- files that grow ----------------------------------------------------------------------------------------------------


def test_a_file_is_ripe_when_it_has_not_changed_for_two_seconds(tmp_path: Path) -> None:
    now = [0.0]
    ripening, file = Ripening(lambda: now[0]), tmp_path / "1.dcm"

    def look(seconds: float) -> list[Path]:
        now[0] += seconds
        return ripening.ripe(iter([file]))

    assert look(0) == []  # not there yet
    file.write_bytes(b"x")
    assert look(1) == []
    file.write_bytes(b"xx")
    assert look(5) == []  # it has grown since the last look
    assert look(1.5) == []
    assert look(0.5) == [file]


# --- the writer ---------------------------------------------------------------------------------------------------------


class AtTheDesk:
    """A writer at work in a thread, and a stager's end of it."""

    def __init__(self, root: Path, sealer: Sealer = SEALER) -> None:
        self.outbox, self.store = Outbox(root / "outbox.sqlite3"), Store(root / "store")
        self.staging = Staging(self.store)
        self.registry = new_registry()
        metrics = NodeMetrics(collectors(NODE, self.registry), self.store.free, lambda: 3)
        intake = Intake(self.outbox, self.store, PSEUDONYMISER, sealer)
        self.writer = Writer(self.outbox, intake, SITES, default_rules(), metrics, lambda: self.now)
        self.now = NOON
        self.theirs, ours = Pipe()
        self.desk = Desk(ours)
        self.stop = threading.Event()
        self.lines_closed = 0
        for target in (lambda: self.writer.hear(self.theirs, self._closed), self.desk.listen):
            threading.Thread(target=target, daemon=True).start()
        self.thread = threading.Thread(target=self.writer.run, args=(self.stop,), daemon=True)
        self.thread.start()

    def _closed(self) -> None:
        self.lines_closed += 1

    def staged(self, root: Path, number: int, **values: Any) -> Staged:  # noqa: ANN401  # as dicom_file
        path = dicom_file(root / "given.dcm", SOPInstanceUID=f"1.2.3.1.{number}", **values)
        found = Deidentifier(SITE, PSEUDONYMISER).file(path)
        assert isinstance(found, Deidentified)
        return stage(found, self.staging)

    def end(self) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.outbox.close()
        self.staging.close()


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[AtTheDesk]:
    made = AtTheDesk(tmp_path)
    yield made
    made.end()


def test_everybody_is_told_of_their_own_image(at_desk: AtTheDesk, tmp_path: Path) -> None:
    staged = [at_desk.staged(tmp_path, number % 3) for number in range(6)]
    answers = [at_desk.desk.hand_in("RDGM", "node", each) for each in staged]
    assert [answer.result(10) for answer in answers] == [Taken.STORED] * 3 + [Taken.RESENT] * 3


def test_one_image_that_cannot_be_taken_harms_no_other(tmp_path: Path) -> None:
    stranger = AtTheDesk(tmp_path, Sealer(Keyring({1: b"another secret of thirty-two bytes"})))
    known = stranger.staged(tmp_path, 1, StudyInstanceUID="1.2.3.1")
    assert stranger.desk.hand_in("RDGM", "node", known).result(10) is Taken.STORED
    stranger.end()

    ours = AtTheDesk(tmp_path)  # with our own keyring: the study that is there cannot be opened
    told = [
        ours.desk.hand_in("RDGM", "node", ours.staged(tmp_path, number, StudyInstanceUID=study, PatientID=JOHN))
        for number, study in enumerate(
            ("1.2.3.2", "1.2.3.1", "1.2.3.3"), start=2
        )  # the one in the middle is told of in both reports
    ]
    assert [each.result(10) for each in told] == [Taken.STORED, None, Taken.STORED]
    assert len(list(ours.store.root.rglob("*.dcm"))) == 3
    ours.end()


def test_studies_settle_by_the_writers_clock(at_desk: AtTheDesk, tmp_path: Path) -> None:
    at_desk.desk.hand_in("RDGM", "node", at_desk.staged(tmp_path, 1)).result(10)
    at_desk.now += dt.timedelta(minutes=6)
    with Outbox(at_desk.outbox.path) as another:
        until(lambda: another.query("SELECT count(*) FROM study WHERE open_since IS NULL") == [(1,)])
        assert another.query("SELECT count(*) FROM message") == [(2,)]


def test_everything_is_counted_by_site(at_desk: AtTheDesk) -> None:
    for verdict in Verdict:
        at_desk.desk.say(Counted(site="RDGM", verdict=verdict, octets=10, seconds=0.1))
    at_desk.desk.say(Closed(reason="full"))
    at_desk.desk.say(Closed(reason=""))
    until(lambda: at_desk.lines_closed == 2)
    counted = page(at_desk.registry).decode()
    assert 'nccid_node_received_total{site="RDGM"} 7.0' in counted
    assert 'nccid_node_received_bytes_total{site="RDGM"} 70.0' in counted
    assert [f'{{site="RDGM",verdict="{verdict}"}} 1.0' in counted for verdict in Verdict] == [True] * 7
    assert 'nccid_node_associations_refused_total{reason="full"} 1.0' in counted
    assert {metric.name for metric in NODE} <= {metric.name for metric in METRICS}


def test_who_waits_for_a_writer_that_has_ended_is_told(tmp_path: Path) -> None:
    theirs, ours = Pipe()
    desk = Desk(ours)
    listening = threading.Thread(target=desk.listen)
    listening.start()
    place = AtTheDesk(tmp_path)
    answer = desk.hand_in("RDGM", "node", place.staged(tmp_path, 1))
    theirs.recv_bytes()
    theirs.close()
    listening.join(10)
    with pytest.raises(WriterGoneError):
        answer.result(10)
    with pytest.raises(WriterGoneError):
        desk.say(Closed(reason=""))
    place.end()


def test_an_answer_is_a_few_bytes() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Done(number=1, taken=None)), type=Done) == Done(number=1, taken=None)


# --- the gate -----------------------------------------------------------------------------------------------------------


def test_callers_go_to_the_receiver_with_the_fewest_and_one_too_many_is_marked() -> None:
    gate, stop = Gate("127.0.0.1", 0, associations=3), threading.Event()
    pairs = [socket.socketpair() for _ in range(2)]
    serving = threading.Thread(target=gate.serve, args=([ours for ours, _ in pairs], stop))
    serving.start()

    def call(receiver: int) -> bytes:
        with socket.create_connection(gate.address):
            message, descriptors, _, _ = socket.recv_fds(pairs[receiver][1], 1, 1)
            socket.close(descriptors[0])
            return message

    try:
        assert [call(0), call(1), call(0), call(1)] == [ROOM, ROOM, ROOM, FULL]
        assert gate.lines == 4
        gate.closed(0)
        gate.closed(0)
        assert call(0) == ROOM
    finally:
        stop.set()
        serving.join()
        for pair in pairs:
            for end in pair:
                end.close()


def test_an_address_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UnusableInputError, match="the node cannot listen on"):
            Gate("127.0.0.1", taken.getsockname()[1], 1)


def test_no_site_of_the_example_shares_a_title() -> None:
    assert {title: site.code for title, site in callers(SITES).items()}["RDGM_PACS_DR"] == "RDGM"


# --- what is kept in memory ---------------------------------------------------------------------------------------------


@pytest.fixture
def _without_collections() -> Iterator[None]:
    """Python's own collections come when they come, in a node after hours: what stays until then must not be much."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive(kind: type) -> int:
    """How many there are of a kind, needed or not."""
    return sum(isinstance(each, kind) for each in gc.get_objects())


@pytest.mark.usefixtures("_without_collections")
def test_of_studies_that_are_over_nothing_stays_in_memory(tmp_path: Path) -> None:
    before, deidentifier = alive(Rewriter), Deidentifier(SITE, PSEUDONYMISER)
    for number in range(40):
        found = deidentifier.file(
            dicom_file(tmp_path / "image.dcm", StudyInstanceUID=f"1.2.{number}", AccessionNumber=f"A{number}")
        )
        assert isinstance(found, Deidentified)
    assert alive(Rewriter) - before == 16


@pytest.mark.usefixtures("_without_collections")
def test_of_lines_that_are_closed_nothing_stays_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Receiver, "_listen", lambda _: None)  # it would end this process with the test
    store, settings = Store(tmp_path / "store"), node_settings({}, HOME)
    kit = Kit(settings, store, Staging(store), PSEUDONYMISER, callers(SITES), SITES)
    ours, theirs = socket.socketpair()
    hearing, saying = Pipe()
    thread = threading.Thread(target=Receiver(kit, Desk(saying)).run, args=(theirs,))
    thread.start()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(12):
            answering = threading.Thread(target=_passed_on, args=(server, ours))
            answering.start()
            association = caller(server.getsockname()[1])
            assert association.send_c_echo().Status == 0
            association.release()
            answering.join()
            assert isinstance(DECODE.decode(hearing.recv_bytes()), Closed)
    ours.close()
    thread.join()
    assert alive(Line) <= 3


def _passed_on(server: socket.socket, receiver: socket.socket) -> None:
    """Takes a caller, and hands it over as the gate does."""
    connection, _ = server.accept()
    with connection:
        socket.send_fds(receiver, [ROOM], [connection.fileno()])
