"""The compose file, as far as it can be tested without a Docker engine: what it names is there, and zones are kept apart."""

import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from nccid import cli  # noqa: TID251  # the compose file starts the front door
from streams.access import rights
from streams.topology import TOPOLOGY
from tests.unit.test_docs import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "nccid-coverage"}
BROKERS = {name: service for name, service in SERVICES.items() if re.fullmatch(r"kafka-\d", name)}
KEYED = {"worker-pseudonymise", "topics", "sender", "keeper"}
"""Who may speak to the brokers where the raw topics are; the operator makes them and ends."""


def sources(service: dict[str, Any], kind: str) -> set[str]:
    return {each if isinstance(each, str) else each["source"] for each in service.get(kind, [])}


def networks(service: dict[str, Any]) -> set[str]:
    return set(service.get("networks", {}))


@pytest.mark.parametrize("name", OURS)
def test_each_command_is_one_of_ours_with_options_that_it_has(name: str) -> None:
    command, *arguments = OURS[name]["command"]
    assert command in cli.commands
    with click.Context(cli) as context:
        cli.commands[command].make_context(command, list(arguments), parent=context)


def test_the_workers_are_those_of_the_topology() -> None:
    workers = [OURS[name]["command"][1:] for name in OURS if name.startswith("worker-")]
    steps = sorted(tuple(word for word in command if word != "--step") for command in workers)
    assert steps == sorted(TOPOLOGY.workers)
    assert {OURS[name]["deploy"]["replicas"] for name in OURS if name.startswith("worker-")} == {2}


@pytest.mark.parametrize("name", OURS)
def test_each_variable_is_explained(name: str) -> None:
    names = set(re.findall("`[A-Z_]+`", (ROOT / "docs" / "operate.md").read_text()))
    for variable in OURS[name].get("environment", {}):
        assert {f"`{variable}`", f"`{variable.removesuffix('_FILE')}`"} & names, variable


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_declared(name: str) -> None:
    service = SERVICES[name]
    assert networks(service) <= set(COMPOSE["networks"])
    assert sources(service, "secrets") <= set(COMPOSE["secrets"])
    assert sources(service, "configs") <= set(COMPOSE["configs"])
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"], source


def test_each_secret_is_a_file_that_the_script_or_init_makes(tmp_path: Path) -> None:
    script = tmp_path / "deploy" / "secrets.sh"
    script.parent.mkdir()
    script.write_bytes((ROOT / "deploy" / "secrets.sh").read_bytes())
    made = set(subprocess.run(["bash", str(script)], capture_output=True, text=True, check=True).stdout.split())
    needed = {Path(each["file"]).name for each in (*COMPOSE["secrets"].values(), *COMPOSE["configs"].values())}
    assert needed == made | {"keyring.json", "sites.toml", "rules.toml"}
    contents = {(tmp_path / "secrets" / name).read_text() for name in made - {"hub-token"}}
    assert len(contents) == len(made) - 1
    assert min(map(len, contents)) > 20
    again = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=True)
    assert {(tmp_path / "secrets" / name).read_text() for name in again.stdout.split() if name != "hub-token"} == contents


@pytest.mark.parametrize("name", OURS)
def test_programs_can_do_no_more_than_they_have_to(name: str) -> None:
    service = OURS[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "mem_limit" in service


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_limit_and_no_privilege(name: str) -> None:
    assert "mem_limit" in SERVICES[name]
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert "privileged" not in SERVICES[name]


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in {"rights", "topics", "keeper"}])
def test_what_goes_on_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_only_who_has_to_reaches_the_raw_topics() -> None:
    assert {name for name, service in SERVICES.items() if "intake" in networks(service)} == KEYED | set(BROKERS)
    assert {name for name, service in SERVICES.items() if "keyring" in sources(service, "secrets")} == {"worker-pseudonymise"}
    homes = {name for name, service in SERVICES.items() if any(v.startswith("hospital:") for v in service.get("volumes", []))}
    assert homes == {"sender", "keeper", "node", "portal"}
    assert all(COMPOSE["networks"][zone]["internal"] for zone in ("brokers", "intake", "streams", "hospital", "watch"))


def test_each_program_is_the_user_with_the_rights_of_its_role() -> None:
    roles = set(rights(TOPOLOGY))
    users = {service["environment"].get("NCCID_KAFKA_SASL_USERNAME") for service in OURS.values()} - {None}
    assert users | {"exporter"} == roles | {"broker"}  # who hands over is started where the store is; who gives the rights
    for service in OURS.values():
        user = service["environment"].get("NCCID_KAFKA_SASL_USERNAME")
        assert sources(service, "secrets") - {"keyring"} == ({f"kafka-{user}"} if user else set())
    script = (ROOT / "deploy" / "kafka" / "start.sh").read_text()
    made = re.search(r"USERS:=([^}]*)", script)
    assert made
    assert set(made[1].split()) == roles | {"broker"}


def test_the_hub_is_given_counts_by_who_may_read_rows_and_cannot_write_them() -> None:
    hub, counter = SERVICES["hub"], SERVICES["counter"]
    there = hub["environment"]["NCCID_COMPLETENESS_FILE"]
    assert counter["command"] == ["completeness", "--to", there, "--watch"]
    assert there in counter["healthcheck"]["test"][-1]
    assert "counts:/counts:ro" in hub["volumes"]
    assert counter["volumes"] == ["counts:/counts"]
    assert [name for name, service in SERVICES.items() if "counts" in str(service.get("volumes"))] == ["hub", "counter"]
    assert networks(counter) == {"streams"}
    assert there.startswith("/counts/")
    assert "/counts" in (ROOT / "Dockerfile").read_text()  # so that the volume is that user's


def test_prometheus_scrapes_what_there_is() -> None:
    told = yaml.safe_load((ROOT / "monitoring" / "prometheus" / "prometheus.yml").read_text())
    names: set[str] = set()
    for job in told["scrape_configs"]:
        names |= {target.split(":")[0] for static in job.get("static_configs", []) for target in static["targets"]}
        names |= {name for found in job.get("dns_sd_configs", []) for name in found["names"]}
    assert names <= set(SERVICES)
    assert all("watch" in networks(SERVICES[name]) for name in names)


def test_ports_that_are_published_are_those_that_the_program_listens_on() -> None:
    for name, service in OURS.items():
        for port in service.get("ports", []):
            assert port.split(":")[-1] == service["environment"]["NCCID_PORT"], name
    assert {name for name, service in OURS.items() if service.get("ports")} == {"hub", "node", "portal"}


def test_the_image_copies_only_what_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for line in copied:
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
