"""Every query of every dashboard is asked of a real Prometheus that scrapes the roles at work, and answered with data."""

import datetime as dt
import json
import math
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pydicom
import pytest
import yaml
from kafka import KafkaProducer

from edge.door import open_door
from local.ports import free_port
from schemas.sites import EXAMPLE, read_sites
from schemas.topics import RAW_ROWS, TOPICS
from streams.topology import TOPOLOGY
from synth.deadlines import impatient_sites
from synth.files import write_world
from synth.world import make_world
from tests.broker import setups
from tests.broker.conftest import EmbeddedBroker
from tests.broker.setups import NCCID, environment, until
from tests.kafka.pool import LeasedBroker
from tests.nodes import Node, sent
from tests.unit.test_watching import BOARDS, PROMETHEUS, QUERIES

PATIENTS = 25
SITES = read_sites(EXAMPLE)
SITE = impatient_sites(SITES)[0]  # something is overdue there soon, so there are alerts, and days for which it has been missing
SCRAPE_SECONDS = 1
SOON = 90.0

WITHOUT_DATA: Mapping[tuple[str, str], str] = {}
"""Panels that show nothing in this world, with the reason. None: garbage is sent, so that quarantine has something too."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def prometheus() -> str:
    """The program; where CI runs it has to be there."""
    found = shutil.which("prometheus")
    if found is None:
        missing = "a real Prometheus answers the dashboards' queries: apt-get install prometheus"
        if os.environ.get("NCCID_CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


class Roles:
    """Node, sender, hub, portal and workers as programs of their own, each with its metrics, as a deployment runs them."""

    def __init__(self, folder: Path, bootstrap: str, ended: ExitStack) -> None:
        self._folder, self._ended = folder, ended
        self.node = Node(folder)
        self.home = self.node.home
        self._told = {
            **environment(),
            "NCCID_HOME": str(self.home.root),
            "NCCID_BOOTSTRAP": bootstrap,
            "NCCID_EMBEDDED": "1" if setups.CLUSTERS is None else "0",
            "NCCID_RUN_ID": uuid.uuid4().hex,
        }
        self.targets: dict[str, list[str]] = {"nccid-node": [f"127.0.0.1:{self.node.metrics_port}"]}

    def start(self) -> None:
        self._ended.callback(self.node.end)
        self.node.start()
        self._start("nccid-sender", "sender")
        for steps in TOPOLOGY.workers:
            self._start("nccid-worker", "worker", *(word for step in steps for word in ("--step", step)))
        port = free_port()
        self.targets["nccid-hub"] = [f"127.0.0.1:{port}"]
        self._run(("hub",), {"NCCID_HOST": "127.0.0.1", "NCCID_PORT": str(port)})
        self._start("nccid-portal", "portal", NCCID_HUB_URL=f"http://127.0.0.1:{port}", NCCID_PORT=str(free_port()))

    def token(self) -> str:
        command = [NCCID, "tokens", "add", "--national", "--dir", str(self.home.root)]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout.split()[-1]

    def _start(self, job: str, *command: str, **told: str) -> None:
        port = free_port()
        self.targets.setdefault(job, []).append(f"127.0.0.1:{port}")
        self._run(command, {"NCCID_METRICS_PORT": str(port), **told})

    def _run(self, command: tuple[str, ...], told: Mapping[str, str]) -> None:
        with (self._folder / f"{'-'.join(command)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nccid", *command], env={**self._told, **told}, stdout=log, stderr=log
            )
        self._ended.callback(_ended, process)


class Prometheus:
    """A Prometheus of the test's own: loopback, temporary storage, the shipped jobs and rules."""

    def __init__(self, program: str, folder: Path, roles: Roles, ended: ExitStack) -> None:
        self.port = free_port()
        token = folder / "token"
        token.write_text(roles.token(), encoding="utf-8")
        config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"}
        config["rule_files"] = [str(PROMETHEUS / "rules.yml")]
        del config["alerting"]
        assert sorted(job["job_name"] for job in config["scrape_configs"]) == sorted(roles.targets)
        for job in config["scrape_configs"]:
            job.pop("dns_sd_configs", None)
            job["static_configs"] = [{"targets": roles.targets[job["job_name"]]}]
            if "authorization" in job:
                job["authorization"]["credentials_file"] = str(token)
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        command = [program, f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}", "--log.level=warn"]
        with (folder / "prometheus.log").open("wb") as log:
            listen = f"--web.listen-address=127.0.0.1:{self.port}"
            process = subprocess.Popen([*command, listen], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        ended.callback(_ended, process)

    def ask(self, path: str, **parameters: str) -> dict[str, Any]:
        """What the API answers.

        Raises:
            OSError: it refuses, or is not there.
        """
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # our own address
            told: dict[str, Any] = json.load(answer)
        assert told["status"] == "success", told
        data: dict[str, Any] = told["data"]
        return data

    def is_scraping(self, targets: int) -> bool:
        """Whether each target has answered."""
        try:
            active = self.ask("targets", state="active")["activeTargets"]
        except OSError:
            return False
        return len(active) == targets and all(each["health"] == "up" for each in active)

    def values(self, query: str) -> list[float]:
        """The numbers in what a panel would draw of the last minutes; what is no number it would not draw."""
        now = time.time()
        found = self.ask("query_range", query=query, start=str(now - 120), end=str(now), step="1")["result"]
        numbers = (float(value) for series in found for _, value in series["values"])
        return [number for number in numbers if not math.isnan(number)]


def _ended(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Feed:
    """A world, given in by every door in two halves, and garbage: rates need something that grows while it is watched."""

    def __init__(self, folder: Path, roles: Roles, bootstrap: str) -> None:
        write_world(make_world(21, PATIENTS, SITES, dt.datetime.now(dt.UTC).date()), folder)
        shutil.copyfile(folder / "rules.toml", roles.home.rules)
        self._folder, self._roles, self._bootstrap = folder, roles, bootstrap
        deliveries = json.loads((folder / "deliveries.json").read_text(encoding="utf-8"))
        self._sheets = [each for each in deliveries if each["kind"] in {"positive", "negative"}]
        self._images = sorted(
            path
            for each in deliveries
            if each["site"] == SITE and each["kind"] in {"images", "pacs"}
            for path in (folder / each["path"]).rglob("*")
            if path.is_file()
        )

    def give(self, half: int) -> None:
        """One of the two halves."""
        images = self._images[half::2]
        title = SITES[SITE].ae_titles[0]
        answers = sent(self._roles.node.port, [pydicom.dcmread(path, force=True) for path in images], title=title)
        assert any(status == 0 for status, _ in answers)
        for each in self._sheets[half::2]:
            with open_door(self._roles.home, each["site"]) as door:
                assert door.upload(self._folder / each["path"], each["kind"]).accepted
        producer = KafkaProducer(bootstrap_servers=self._bootstrap)
        producer.send(RAW_ROWS.name, b"garbage", key=b"k")
        producer.flush()
        producer.close()


@pytest.fixture
def watched(tmp_path: Path, embedded: EmbeddedBroker | LeasedBroker, prometheus: str) -> Iterator[Prometheus]:
    """A world that was given in while Prometheus looked on."""
    embedded.start([topic.name for topic in TOPICS])
    with ExitStack() as ended:
        roles = Roles(tmp_path, embedded.address, ended)
        feed = Feed(tmp_path / "world", roles, embedded.address)
        roles.start()
        watching = Prometheus(prometheus, tmp_path, roles, ended)
        targets = sum(map(len, roles.targets.values()))
        until(lambda: watching.is_scraping(targets), "every target answers", SOON)
        for half in (0, 1):
            feed.give(half)
            until(lambda half=half: seen(watching, half), "it is done with, and Prometheus has seen it", SOON)  # type: ignore[misc]  # a lambda with a default
        yield watching


def seen(watching: Prometheus, half: int) -> bool:
    """Whether the garbage, which was given in last, was seen by Prometheus to be in quarantine, twice in a row."""
    counted = watching.values("sum(nccid_worker_quarantined_total)")
    return len(counted) > 1 and counted[-1] == counted[-2] >= half + 1


def test_every_panel_of_every_dashboard_has_data_and_every_rule_is_evaluated(watched: Prometheus) -> None:
    asked = {(board, panel): query.replace("$site", SITE) for board, panel, query in QUERIES}
    assert len(asked) == len(QUERIES)  # no two panels of a board share a title
    empty = set(asked)

    def all_answered() -> bool:
        nonlocal empty
        empty = {place for place in empty if not watched.values(asked[place])}
        return empty <= set(WITHOUT_DATA)

    try:
        until(all_answered, "every panel has data", SOON)
    finally:
        assert {place: asked[place] for place in empty} == {place: asked[place] for place in WITHOUT_DATA}
    require_rules(watched)


def require_rules(watched: Prometheus) -> None:
    """Every rule that is shipped is there, and was evaluated without an error."""

    def rules() -> list[dict[str, Any]]:
        return [rule for group in watched.ask("rules")["groups"] for rule in group["rules"]]

    until(lambda: all(rule["health"] == "ok" for rule in rules()), "every rule was evaluated")
    declared = yaml.safe_load((PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))["groups"]
    assert sorted(rule["name"] for rule in rules()) == sorted(rule["alert"] for group in declared for rule in group["rules"])


def test_the_boards_are_provisioned_where_grafana_looks_for_them() -> None:
    provisioning = PROMETHEUS.parent / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "nccid.yml").read_text())["providers"]
    assert source["type"] == "prometheus"
    assert provider["options"]["path"]
    assert len(BOARDS) == 3
