"""The page of completeness: its numbers, who may see which, CSV, and how seldom and by whom it is counted."""

import asyncio
import csv
import datetime as dt
import io
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from commands.counted import completeness_of
from monitoring.hub import filling
from monitoring.hub.completeness import Completeness, Counted
from monitoring.hub.tokens import NATIONAL
from schemas.completeness import CompletenessCounted, GroupCounted, encode
from schemas.home import Home
from schemas.problems import WorkFailedError
from schemas.templates import template
from tests.factories import NOON
from tests.hubs import AskedHub

LATER = NOON + dt.timedelta(hours=1)


def group(site: str = "RDGM", name: str = "demographic", sheet: Any = "positive", **counts: int | None) -> GroupCounted:  # noqa: ANN401  # a Kind
    usual = {"patients": 50, "filled": 90, "missing": 60, "implausible": 10, "repaired": 20}
    return GroupCounted(site=site, sheet=sheet, group=name, **(usual | counts))


def report(*groups: GroupCounted) -> bytes:
    return encode(CompletenessCounted(lines=groups))


def counting(*contents: bytes | Exception) -> tuple[Callable[[], Awaitable[Counted]], list[int]]:
    """Something that counts: one content after another; and how often it was asked."""
    asked: list[int] = []

    async def count() -> Counted:
        found = contents[min(len(asked), len(contents) - 1)]
        asked.append(1)
        if isinstance(found, Exception):
            raise found
        return Counted(found, NOON)

    return count, asked


SEVERAL = (
    group("RDGM"),
    group("RDGM", "outcome", filled=None, missing=None, implausible=None, repaired=0),
    group("RDGM", "identity", "negative", filled=100, missing=0, implausible=0, repaired=0),
    group("PENM", filled=30, missing=70),
    group("LARK", patients=None, filled=None, missing=None, implausible=None, repaired=None),
    group("all", filled=120, missing=130),
)


@pytest.fixture
def asked(tmp_path: Path) -> AskedHub:
    made = AskedHub(tmp_path)
    count, _ = counting(report(*SEVERAL))
    made.hub.completeness = Completeness(count)
    asyncio.run(made.hub.completeness.turn(1, NOON))
    return made


def page(asked: AskedHub, address: str, scope: str = NATIONAL) -> str:
    asked.client.post("/login", data={"token": asked.tokens[scope][1]})
    answer = asked.client.get(address, headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


# --- numbers ------------------------------------------------------------------------------------------------------------


def test_a_bar_has_its_parts_to_scale_and_no_gap() -> None:
    parts = filling.Bar(group()).parts
    assert [(part.name, part.begins, part.width) for part in parts] == [
        ("as-given", 0.0, 40.0),
        ("repaired", 40.0, pytest.approx(40 / 3)),
        ("implausible", pytest.approx(160 / 3), pytest.approx(20 / 3)),
        ("missing", 60.0, 40.0),
    ]


def test_what_is_suppressed_of_the_filled_cells_is_drawn_as_filled_and_nothing_where_the_whole_is() -> None:
    parts = filling.Bar(group(implausible=None, repaired=None)).parts
    assert [(part.name, part.width) for part in parts] == [("as-given", 60.0), ("missing", 40.0)]
    hidden = filling.Bar(group(filled=None, missing=None))
    assert (hidden.parts, hidden.share) == ([], None)
    assert filling.Bar(group(filled=0, missing=0, implausible=0, repaired=0)).parts == []


def test_rounded_counts_that_exceed_the_whole_do_not_draw_beyond_it() -> None:
    parts = filling.Bar(group(filled=10, missing=0, implausible=10, repaired=10)).parts
    assert sum(part.width for part in parts) == 100


@pytest.mark.parametrize(("filled", "missing", "share"), [(995, 5, 99), (1000, 0, 100), (0, 10, 0), (1, 2, 33)])
def test_a_share_is_rounded_down_so_that_100_means_all(filled: int, missing: int, share: int) -> None:
    assert filling.Bar(group(filled=filled, missing=missing)).share == share


def test_every_group_of_the_templates_has_a_name() -> None:
    assert {column.group for kind in ("positive", "negative") for column in template(kind).columns} == set(filling.GROUPS)
    assert filling.Bar(group(name="new_group")).name == "New group"


# --- who sees what --------------------------------------------------------------------------------------------------------


def test_a_national_token_sees_all_sites_together_and_beside_each_other(asked: AskedHub) -> None:
    text = page(asked, "/completeness")
    assert f"As of {NOON:%d/%m/%Y %H:%M} UTC" in text
    assert "Demographic 48% filled, drawn as a bar Share filled 48% All filled 120" in text
    assert re.search(r"RDGM 50 60% not told", text)
    assert re.search(r"PENM 50 30% not told", text)
    assert re.search(r"LARK not told not told not told", text)


def test_one_site_is_chosen(asked: AskedHub) -> None:
    text = page(asked, "/completeness?site=RDGM")
    assert "RDGM, Ridgemoor Royal" in text
    assert "Share filled 60% All filled 90 Of these repaired 20 Of these implausible 10 Missing 60" in text
    assert "Outcome too few to tell Share filled not told" in text
    assert "Status spreadsheet (negatives), 50 patients" in text
    assert "by site" not in text


def test_a_sites_token_sees_that_site_alone(asked: AskedHub) -> None:
    text = page(asked, "/completeness", "PENM")
    assert "Share filled 30% All filled 30" in text
    assert "RDGM" not in text
    assert "All sites" not in text
    for address in (
        "/completeness?site=RDGM",
        "/completeness?site=all",
        "/completeness.csv?site=RDGM",
        "/completeness?site=NOPE",
    ):
        assert asked.client.get(address, headers={"accept": "text/html"}).status_code == 404
    assert {line["site"] for line in table(asked, "/completeness.csv")} == {"PENM"}


@pytest.mark.parametrize("address", ["/completeness", "/completeness.csv"])
def test_whoever_is_not_logged_in_sees_nothing(asked: AskedHub, address: str) -> None:
    asked.client.follow_redirects = False
    assert asked.client.get(address, headers={"accept": "text/html"}).headers["location"] == "/login"
    assert asked.client.get(address, headers=asked.headers()).status_code == 303  # a token is for the API


def table(asked: AskedHub, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(asked.client.get(address).text)))


def test_csv_has_what_is_shown_and_leaves_out_what_is_not_told(asked: AskedHub) -> None:
    page(asked, "/completeness")
    everything = table(asked, "/completeness.csv")
    assert [line["site"] for line in everything] == ["RDGM", "RDGM", "RDGM", "PENM", "LARK", "all"]
    assert everything[1]["filled"] == ""
    answer = asked.client.get("/completeness.csv?site=RDGM")
    assert len(answer.text.splitlines()) == 4
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="nccid-completeness-RDGM-2020-')


def test_nothing_in_the_page_runs_or_comes_from_elsewhere(asked: AskedHub) -> None:
    page(asked, "/completeness")
    text = asked.client.get("/completeness", headers={"accept": "text/html"}).text
    assert not re.findall(r"<script(?![^>]* src=)[^>]*>|<style|\sstyle=|\son\w+=", text)


# --- how seldom, and by whom ------------------------------------------------------------------------------------------------


def test_before_the_first_count_and_where_nobody_counts_the_page_says_so(tmp_path: Path) -> None:
    made = AskedHub(tmp_path)
    assert "Nothing is counted here" in page(made, "/completeness")
    made.hub.completeness = Completeness(counting(b"")[0])
    assert "The cells are being counted" in page(made, "/completeness")
    assert "csv" not in page(made, "/completeness")


def test_no_row_at_all_is_told(tmp_path: Path) -> None:
    made = AskedHub(tmp_path)
    made.hub.completeness = Completeness(counting(report())[0])
    asyncio.run(made.hub.completeness.turn(1, NOON))
    assert "No row has arrived yet" in page(made, "/completeness")


def test_it_is_counted_anew_only_if_something_was_published_since() -> None:
    count, asked = counting(report(group()))
    kept = Completeness(count)
    for published, now in ((1, NOON), (1, LATER), (2, LATER)):
        asyncio.run(kept.turn(published, now))
    assert len(asked) == 2
    unchanged = Completeness(count)
    asyncio.run(unchanged.turn(1, NOON))
    asyncio.run(unchanged.turn(1, LATER))
    assert unchanged.at == LATER  # it is still so


@pytest.mark.parametrize("wrong", [WorkFailedError("nobody answers"), b"no JSON", b'{"lines": [{"site": "X"}]}'])
def test_what_goes_wrong_is_told_and_the_counts_before_stay(tmp_path: Path, wrong: Any) -> None:  # noqa: ANN401  # bytes or an error
    count, asked = counting(report(*SEVERAL), wrong, report(*SEVERAL))
    made = AskedHub(tmp_path)
    made.hub.completeness = Completeness(count)
    for published in (1, 2):
        asyncio.run(made.hub.completeness.turn(published, NOON))
    assert made.hub.completeness.trouble in {
        "nobody answers",
        "what was counted is not of this version; it is counted by another one",
    }
    text = page(made, "/completeness")
    assert "could not be counted since" in text
    assert "Share filled 48%" in text
    of_a_site = page(made, "/completeness", "RDGM")
    assert "could not be counted since." in of_a_site
    assert made.hub.completeness.trouble not in of_a_site  # addresses and paths are for whoever runs the hub
    asyncio.run(made.hub.completeness.turn(2, NOON))  # though nothing was published since
    assert (len(asked), made.hub.completeness.trouble) == (3, "")


def test_it_waits_until_the_hub_has_caught_up_and_then_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.hub.completeness._LOOK_SECONDS", 0.001)
    monkeypatch.setattr("monitoring.hub.completeness._REST_SECONDS", 0.01)
    count, asked = counting(report(group()))
    made = AskedHub(tmp_path)
    kept, progress, published = Completeness(count), made.hub.progress, [0]
    progress.caught_up = False

    def next_published() -> int:
        published[0] += 1
        return published[0]

    async def watch() -> list[int]:
        seen = []
        running = asyncio.create_task(kept.run(progress, next_published))
        await asyncio.sleep(0.05)
        seen.append(len(asked))
        progress.caught_up = True
        while not asked:  # noqa: ASYNC110  # what is waited for is the thing under test
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.1)
        seen.append(len(asked))  # nobody asked for more
        while len(asked) < 2:
            kept.ask()
            await asyncio.sleep(0.005)
        running.cancel()
        return seen

    assert asyncio.run(watch()) == [0, 1]


def test_from_a_file_that_others_write(tmp_path: Path) -> None:
    file = tmp_path / "counts.json"
    kept = completeness_of(Home(tmp_path), str(file), lambda: LATER)
    asyncio.run(kept.turn(1, NOON))
    assert f"{file} cannot be read" in kept.trouble
    file.write_bytes(report(group()))
    asyncio.run(kept.turn(1, NOON))
    first = kept.at
    file.write_bytes(report(group(), group("PENM")))
    asyncio.run(kept.turn(1, NOON))  # others count, so it is looked at though nothing was published
    assert len(kept.groups) == 2
    assert first is not None
    assert kept.at is not None
    assert kept.at >= first


def test_a_file_that_comes_later_is_found_though_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where hub and counter are started at the same time."""
    monkeypatch.setattr("monitoring.hub.completeness._LOOK_SECONDS", 0.001)
    monkeypatch.setattr("monitoring.hub.completeness._REST_SECONDS", 0.01)
    file = tmp_path / "counts.json"
    kept = completeness_of(Home(tmp_path), str(file), lambda: LATER)
    made = AskedHub(tmp_path)
    made.hub.progress.caught_up = True

    async def watch() -> None:
        running = asyncio.create_task(kept.run(made.hub.progress, lambda: 1))
        while not kept.trouble:  # noqa: ASYNC110  # what is waited for is the thing under test
            await asyncio.sleep(0.001)
        file.write_bytes(report(group()))
        async with asyncio.timeout(30):
            while not kept.groups:  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.001)
        running.cancel()

    asyncio.run(watch())
    assert kept.trouble == ""


def test_by_a_process_of_its_own_whose_words_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NCCID_BOOTSTRAP", raising=False)
    kept = completeness_of(Home(tmp_path / "none"), None, lambda: LATER)
    asyncio.run(kept.turn(1, NOON))
    assert kept.at is None
    assert "nccid" in kept.trouble
