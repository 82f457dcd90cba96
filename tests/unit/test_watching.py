"""Alert rules and dashboards: only declared metrics, every rule tested by promtool, queries that Prometheus understands."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.metrics import METRICS
from tests.unit.test_docs import ROOT

PROMETHEUS = ROOT / "monitoring" / "prometheus"
BOARDS = sorted((ROOT / "monitoring" / "grafana" / "dashboards").glob("*.json"))
DECLARED = {metric.name: metric for metric in METRICS}
RULES = [rule for group in yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"] for rule in group["rules"]]

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool tests rules as Prometheus reads them: apt-get install prometheus"
)


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=60)


def queries(board: Path) -> Iterator[tuple[str, str]]:
    """Each query of a dashboard, with its panel."""
    told: dict[str, Any] = json.loads(board.read_text())
    for panel in told["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in told["templating"]["list"]:
        yield variable["name"], re.sub(r"label_values\((.*), \w+\)", r"\1", variable["query"]["query"])


QUERIES = [(board.stem, panel, query) for board in BOARDS for panel, query in queries(board)]


def named(query: str) -> set[str]:
    """The metrics of ours that a query names, a histogram by its own name."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bnccid_\w+", query)}


def labelled(query: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric of ours with the labels by which a query chooses."""
    for name, chosen in re.findall(r"\b(nccid_\w+)\{([^}]*)\}", query):
        yield re.sub(r"_(bucket|sum|count)$", "", name), set(re.findall(r"(\w+)\s*=", chosen))


@pytest.mark.parametrize("query", [rule["expr"] for rule in RULES] + [query for *_, query in QUERIES])
def test_only_declared_metrics_and_labels_are_named(query: str) -> None:
    assert named(query) - DECLARED.keys() == set()
    for name, labels in labelled(query):
        assert labels - set(DECLARED[name].labels) == set()


def test_there_are_dashboards_for_the_nation_a_site_and_the_stream() -> None:
    assert [board.stem for board in BOARDS] == ["national", "site", "stream"]
    assert all(query for *_, query in QUERIES)


@needs_promtool
def test_each_rule_fires_and_resolves() -> None:
    tested = yaml.safe_load((PROMETHEUS / "rules.test.yml").read_text())["tests"]
    assert sorted(test["name"] for test in tested) == sorted(rule["alert"] for rule in RULES)
    assert all([bool(each["exp_alerts"]) for each in test["alert_rule_test"]] == [True, False] for test in tested)
    ran = promtool("test", "rules", str(PROMETHEUS / "rules.test.yml"))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
@pytest.mark.parametrize(("board", "panel", "query"), QUERIES)
def test_each_query_is_one_that_prometheus_understands(board: str, panel: str, query: str, tmp_path: Path) -> None:
    rules = {"groups": [{"name": "asked", "rules": [{"record": "asked", "expr": query.replace("$site", "RDGM")}]}]}
    file = tmp_path / "asked.yml"
    file.write_text(json.dumps(rules))
    ran = promtool("check", "rules", str(file))
    assert ran.returncode == 0, f"{board}, {panel}: {ran.stderr}"


def test_every_rule_has_a_page_to_act_by_and_says_whom_it_wakes() -> None:
    headings = set(re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE))
    assert headings == {rule["alert"] for rule in RULES}
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "call"}
        assert rule["annotations"]["action"].endswith(f"docs/runbook.md#{rule['alert'].lower()}")


def test_names_follow_the_customs_of_prometheus() -> None:
    assert len(DECLARED) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("nccid_")
        assert metric.name.endswith("_total") is (metric.kind == "counter")
        assert bool(metric.buckets) is (metric.kind == "histogram")
        assert metric.help
