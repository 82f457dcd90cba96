"""The page of benchmarks: the files of a run as Markdown tables, and nothing of what was not run."""

import json
from pathlib import Path

from bench.page import page

ONCE = {"median": 2.5, "least": 2.0, "most": 3.0}


def test_what_was_run_is_a_table_and_what_was_not_is_left_out(tmp_path: Path) -> None:
    workers = {"1": {"per_second": ONCE, "to_fewest": ONCE}}
    found = {"machine": {"python": "3.11"}, "events": 200, "runs": 5, "workers": workers}
    (tmp_path / "scale.json").write_text(json.dumps(found), encoding="utf-8")
    assert page(tmp_path).splitlines() == [
        "### scale",
        "",
        "200 events, 5 runs: median (least to most):",
        "",
        "| workers | events/s | to one |",
        "| --- | --- | --- |",
        "| 1 | 2.5 (2 to 3) | 2.5 (2 to 3) |",
        "",
        "python 3.11.",
    ]
