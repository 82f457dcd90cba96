"""The portal as a nurse meets it: every page, the right file and the wrong ones; without scripts, by keyboard, on a phone."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from edge.portal.database import Database
from schemas.templates import HOSPITAL_KEY, NHS_KEY
from tests.broker.setups import NCCID, until
from tests.browser.conftest import MakeTab, Running, Tab, login
from tests.edge_factories import dicom_file
from tests.sheets import NUMBERS, Cells, negative, positive, sheet

MAIN, STATUS = "/upload/covid-data", "/upload/covid-status-data"
OPEN = {"/": "landing", "/login": "login", "/guidance": "guidance", "/guidance/worksheet": "worksheet", "/faq": "faq"}
OWN = {
    "/": "home",
    "/summary": "summary",
    MAIN: "upload-main",
    STATUS: "upload-status",
    "/checker": "checker",
    "/password": "password",
    "/guidance/columns/positive": "columns",
    "/none": "not-found",
}


def rows(count: int, first: int = 0) -> list[Cells]:
    """So many patients, each with numbers of their own from the range that is never issued."""
    return [
        positive(0, {NHS_KEY: number, HOSPITAL_KEY: f"RR{10_000_000 + first + place}"})
        for place, number in enumerate(numbers(count, first))
    ]


def numbers(count: int, first: int = 0) -> Sequence[str]:
    """NHS numbers of the 999 range, in order."""
    found: list[str] = []
    stem = first * 2
    while len(found) < count:
        stem += 1
        digits = f"999{stem:06d}"
        check = (11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11) % 11
        if check < 10:
            found.append(f"{digits}{check}")
    return found


def upload(tab: Tab, path: str, file: Path) -> None:
    """Chooses a file and presses Upload."""
    tab.go(path)
    tab.page.set_input_files("#file", file)
    tab.page.get_by_role("button", name="Upload").click()


def finished(tab: Tab) -> None:
    """Waits for the page with the result."""
    tab.page.wait_for_url("**/uploads/*", timeout=120_000)
    expect(tab.page.locator("h1")).to_contain_text("The sheet was")


def bar(page: Page) -> tuple[str, int]:
    """The classes and the value of the progress bar."""
    found = page.locator("progress")
    return str(found.get_attribute("class")), int(float(str(found.get_attribute("value"))))


# --- every page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", OPEN)
def test_pages_for_everybody(tab: MakeTab, path: str) -> None:
    nobody = tab()
    nobody.go(path)
    assert "User: none" in nobody.page.get_by_role("banner").inner_text()
    nobody.is_sound(f"open-{OPEN[path]}")


def test_pages_of_a_nurse(tab: MakeTab) -> None:
    anna = tab("anna")
    for path, name in OWN.items():
        anna.go(path)
        menu = anna.page.get_by_role("banner").inner_text()
        assert all(word in menu for word in ("User: anna", "Ridgemoor Royal", "Logout", "Change Password", "NHS/CHI Checker"))
        anna.is_sound(f"nurse-{name}")


@pytest.mark.parametrize("path", [*OPEN, *list(OWN)[1:-1]])
def test_pages_on_a_narrow_phone_scroll_in_one_direction_only(tab: MakeTab, path: str) -> None:
    anna = tab(None if path in OPEN else "anna", viewport={"width": 320, "height": 640})
    anna.go(path)
    assert anna.page.evaluate("document.documentElement.scrollWidth") == 320
    anna.is_sound(f"narrow-{(OPEN | OWN)[path]}")


def test_the_administrator_adds_a_nurse_who_chooses_a_password(tab: MakeTab) -> None:
    boss = tab("boss")
    boss.go("/accounts")
    boss.is_sound("accounts")
    boss.page.get_by_label("User name").fill("clara")
    boss.page.get_by_role("button", name="Add account").click()
    password = boss.page.locator(".nccid-password").inner_text()
    boss.is_sound("accounts-added")
    clara = tab()
    clara.go("/login")
    clara.page.get_by_label("Username").fill("clara")
    clara.page.get_by_label("Password", exact=True).fill(password)
    clara.page.get_by_role("main").get_by_role("button", name="Login").click()
    assert clara.heading == "Change Password"
    clara.page.get_by_label("Present password").fill(password)
    clara.page.get_by_label("New password", exact=True).fill("short")
    clara.page.get_by_label("New password, once more").fill("short")
    clara.page.get_by_role("button", name="Change password").click()
    expect(clara.page.get_by_role("alert")).to_contain_text("too short")
    clara.is_sound("password-refused")
    for label in ("New password", "New password, once more"):
        clara.page.get_by_label(label, exact=True).fill("a password of her own")
    clara.page.get_by_label("Present password").fill(password)
    clara.page.get_by_role("button", name="Change password").click()
    expect(clara.page.get_by_text("Your password is changed")).to_be_visible()
    clara.is_sound("password-changed")


# --- uploads ------------------------------------------------------------------------------------------------------------


def test_a_right_file_turns_the_bar_green_and_is_known_to_checker_and_summary(
    tab: MakeTab, running: Running, tmp_path: Path
) -> None:
    anna = tab("anna")
    upload(anna, MAIN, sheet(tmp_path / "right.xlsx", "positive", [positive(0), positive(1)]))
    expect(anna.page.locator("progress.nccid-progress--sent")).to_be_visible()
    finished(anna)
    assert bar(anna.page) == ("nccid-progress nccid-progress--sent", 100)
    expect(anna.page.get_by_text("Correct and uploaded: 2 rows on the way.")).to_be_visible()
    anna.is_sound("upload-sent")

    until(lambda: running.installation.check(NUMBERS[0])[0]["collected"], "the rows have arrived")
    anna.go("/checker")
    anna.page.get_by_label("NHS or CHI numbers").fill(f"999 462 1785\n{NUMBERS[1]}\n{NUMBERS[2]}\n9994621784")
    anna.page.get_by_role("button", name="Check").click()
    expect(anna.page.locator("#answers")).to_be_visible()
    shown = anna.page.locator("tbody tr").all_inner_texts()
    assert "999 462 1785" in shown[0]
    assert "COLLECTED" in shown[0].upper()
    assert "PACS: send the chest X-rays or CT by" in shown[0]
    assert "Not collected" in shown[2]
    assert "one digit is wrong or two are swapped" in shown[3]
    anna.is_sound("checker-answers")
    assert (anna.page.url, anna.page.title()) == (running.portal + "/checker", "NHS/CHI Checker – NCCID")  # noqa: RUF001  # its own dash
    assert not [url for url in anna.asked if any(number in url for number in ("9994621785", *NUMBERS, "999"))]

    anna.go("/summary")
    expect(anna.page.get_by_text("patients are complete")).to_be_visible()
    anna.is_sound("summary-filled")


def test_the_summary_shows_what_came_without_the_portal_too(tab: MakeTab, running: Running, tmp_path: Path) -> None:
    running.installation.deliver("RDGM", "positive", sheet(tmp_path / "own.xlsx", "positive", rows(3, 90_000)))
    wrong = sheet(tmp_path / "wrong.xlsx", "positive", [positive(0, {NHS_KEY: "9994621784"})])
    command = [NCCID, "upload", "--dir", str(running.installation.home.root), "--site", "RDGM", "--kind", "positive", str(wrong)]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 1
    films = tmp_path / "films"
    for number in range(2):
        dicom_file(films / f"{number}.dcm", PatientID="RR10090000", SOPInstanceUID=f"1.2.3.90.{number}")
    running.installation.deliver("RDGM", "images", films)
    anna = tab("anna")
    anna.go("/summary")
    last = anna.page.locator("#uploads tbody tr")
    found = [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in last.all()[:3]]
    assert [line[1:5] for line in found] == [
        ["Images", "Command line (nccid send-images)", "Received", "2 images"],
        ["Covid Data", "Command line (nccid upload)", "Not sent", "0 rows"],
        ["Covid Data", "Command line (nccid upload)", "Sent", "3 rows"],
    ]
    anna.is_sound("summary-every-way")
    phone = tab("anna", viewport={"width": 320, "height": 640})
    phone.go("/summary")
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 320
    phone.is_sound("narrow-summary-every-way")


def test_a_wrong_file_turns_it_red_with_every_cell_and_a_marked_copy(tab: MakeTab, tmp_path: Path) -> None:
    anna = tab("anna")
    wrong = [positive(0, {NHS_KEY: "9994621784"}), positive(1, {"Date of Positive Covid Swab": "05/13/2020"})]
    upload(anna, MAIN, sheet(tmp_path / "wrong.xlsx", "positive", wrong))
    expect(anna.page.locator("progress.nccid-progress--refused")).to_be_visible()
    finished(anna)
    assert bar(anna.page) == ("nccid-progress nccid-progress--refused", 100)
    cells = anna.page.locator("tbody tr td:first-child strong").all_inner_texts()
    assert cells == ["A2", "R3"]
    anna.is_sound("upload-refused")
    with anna.page.expect_download() as download:
        anna.page.get_by_role("button", name="Download your file with the problems marked").click()
    download.value.save_as(tmp_path / "marked.xlsx")
    assert "Problem: " in openpyxl.load_workbook(tmp_path / "marked.xlsx")["Covid positive data"]["A2"].comment.text


def test_the_wrong_section_leads_to_the_right_one(tab: MakeTab, tmp_path: Path) -> None:
    anna = tab("anna")
    file = sheet(tmp_path / "status.xlsx", "negative", [negative(2), negative(3)])
    upload(anna, MAIN, file)
    finished(anna)
    anna.is_sound("upload-wrong-section")
    anna.page.get_by_role("link", name="Go to Upload Covid Status Data").click()
    assert "Covid Status Upload" in anna.heading
    anna.page.set_input_files("#file", file)
    anna.page.get_by_role("button", name="Upload").click()
    finished(anna)
    assert anna.heading == "The sheet was sent"


def test_what_is_no_workbook_is_told(tab: MakeTab, tmp_path: Path) -> None:
    anna = tab("anna")
    (tmp_path / "notes.xlsx").write_text("not a workbook")
    upload(anna, MAIN, tmp_path / "notes.xlsx")
    finished(anna)
    expect(anna.page.get_by_text("The file is plain text")).to_be_visible()
    assert not anna.page.get_by_role("button", name="Download your file").is_visible()


def test_nothing_chosen_is_told_and_leaves_the_page(tab: MakeTab) -> None:
    anna = tab("anna")
    anna.go(MAIN)
    anna.page.get_by_role("button", name="Upload").click()
    expect(anna.page.get_by_role("status").get_by_text("Choose the Excel file first.")).to_be_visible()
    anna.is_sound("upload-nothing")


def test_a_file_that_is_dropped_is_taken(tab: MakeTab, tmp_path: Path) -> None:
    anna = tab("anna")
    anna.go(MAIN)
    content = list(sheet(tmp_path / "dropped.xlsx", "positive", rows(3, 70_000)).read_bytes())
    dropped = anna.page.evaluate_handle(
        "bytes => { const data = new DataTransfer(); data.items.add(new File([new Uint8Array(bytes)], 'x.xlsx')); return data; }",
        content,
    )
    anna.page.dispatch_event("[data-nccid-drop]", "dragover", {"dataTransfer": dropped})
    anna.photograph("upload-dropping")
    anna.page.dispatch_event("[data-nccid-drop]", "drop", {"dataTransfer": dropped})
    anna.page.get_by_role("button", name="Upload").click()
    finished(anna)
    expect(anna.page.get_by_text("3 rows on the way")).to_be_visible()


def test_five_thousand_rows_move_the_bar_while_another_tab_goes_on_working(tab: MakeTab, tmp_path: Path) -> None:
    anna = tab("anna")
    file = sheet(tmp_path / "large.xlsx", "positive", rows(5_000), "xlsxwriter")
    upload(anna, MAIN, file)
    anna.page.wait_for_function(
        "() => { const bar = document.querySelector('#bar'); return bar && bar.value > 40 && bar.value < 100; }", polling=50
    )
    assert "nccid-progress--" not in bar(anna.page)[0]
    anna.photograph("upload-under-way")
    other = tab(beside=anna)
    other.go("/guidance")
    assert other.heading == "Guidance"
    upload(other, STATUS, sheet(tmp_path / "small.xlsx", "negative", [negative(2)]))
    finished(other)
    assert other.heading == "The sheet was sent"
    finished(anna)
    expect(anna.page.get_by_text("5,000 rows on the way")).to_be_visible()


def test_a_double_click_sends_once(tab: MakeTab, tmp_path: Path) -> None:
    anna = tab("anna")
    anna.go(MAIN)
    anna.page.set_input_files("#file", sheet(tmp_path / "twice.xlsx", "positive", rows(2, 80_000)))
    anna.page.get_by_role("button", name="Upload").dblclick()
    finished(anna)
    assert len([url for url in anna.asked if url.endswith(MAIN)]) == 2  # the page itself, and one upload


# --- sessions -----------------------------------------------------------------------------------------------------------


def expire(running: Running) -> None:
    """As if nobody had done anything for a long time."""
    database = Database(running.installation.home.portal)
    database.write("UPDATE session SET seen_at = seen_at - 86400")
    database.close()


def test_a_session_that_ends_while_a_file_is_chosen_loses_nothing(tab: MakeTab, running: Running, tmp_path: Path) -> None:
    anna = tab("anna")
    anna.go(MAIN)
    anna.page.set_input_files("#file", sheet(tmp_path / "late.xlsx", "positive", rows(2, 90_000)))
    expire(running)
    anna.page.get_by_role("button", name="Upload").click()
    expect(anna.page.get_by_text("Your session has ended. Log in again in another tab")).to_be_visible()
    anna.is_sound("session-ended-upload")
    other = tab(beside=anna)
    other.go("/summary")
    expect(other.page.get_by_text("Your session has ended")).to_be_visible()
    other.is_sound("session-ended")
    login(other, "anna")
    anna.page.get_by_role("button", name="Upload").click()
    finished(anna)
    assert anna.heading == "The sheet was sent"


def test_logout_in_one_tab_is_logout_in_all(tab: MakeTab) -> None:
    here = tab("anna")
    there = tab(beside=here)
    there.go("/summary")
    here.page.get_by_role("button", name="Logout").click()
    assert here.page.url == here.address + "/"
    there.page.get_by_role("link", name="NHS/CHI Checker").click()
    assert there.heading == "Login"
    here.page.go_back()
    assert "anna" not in here.page.get_by_role("banner").inner_text()


def test_a_wrong_password_and_too_many(tab: MakeTab) -> None:
    nobody = tab()
    for _ in range(6):
        nobody.go("/login")
        nobody.page.get_by_label("Username").fill("mallory")
        nobody.page.get_by_label("Password", exact=True).fill("guessed")
        nobody.page.keyboard.press("Enter")
        expect(nobody.page.get_by_role("alert")).to_be_visible()
    expect(nobody.page.get_by_role("alert")).to_contain_text("Too many attempts. Wait 15 minutes")
    nobody.is_sound("login-locked")


# --- without scripts, without a mouse -------------------------------------------------------------------------------------


def test_without_scripts_everything_can_be_done(tab: MakeTab, tmp_path: Path) -> None:
    anna = tab("anna", java_script_enabled=False)
    upload(anna, MAIN, sheet(tmp_path / "plain.xlsx", "positive", rows(4, 60_000)))
    finished(anna)
    assert anna.heading == "The sheet was sent"
    anna.photograph("plain-sent")
    upload(anna, MAIN, sheet(tmp_path / "other.xlsx", "negative", [negative(2)]))
    finished(anna)
    anna.page.get_by_role("link", name="Go to Upload Covid Status Data").click()
    assert "Covid Status Upload" in anna.heading
    anna.go("/checker")
    anna.page.get_by_label("NHS or CHI numbers").fill("9994621784\nno number")
    anna.page.get_by_role("button", name="Check").click()
    shown = anna.page.locator("tbody tr").all_inner_texts()
    assert [text.split("\t")[0].strip() for text in shown] == ["No. 1", "No. 2"]
    anna.photograph("plain-checker")
    anna.go("/summary")
    anna.page.set_input_files("#file", sheet(tmp_path / "mine.xlsx", "positive", rows(4, 60_000)))
    with anna.page.expect_download() as download:
        anna.page.get_by_role("button", name="Download chase list").click()
    download.value.save_as(tmp_path / "chase.xlsx")
    assert "NCCID summary" in openpyxl.load_workbook(tmp_path / "chase.xlsx").sheetnames
    anna.page.get_by_role("button", name="Logout").click()
    assert "User: none" in anna.page.get_by_role("banner").inner_text()


def focused(page: Page) -> str:
    """What has the focus, in words."""
    said: str = page.evaluate(
        "() => (document.activeElement.labels?.[0] || document.activeElement).innerText.trim().split('\\n')[0]"
    )
    return said


def tab_to(page: Page, words: str) -> None:
    """Presses the tabulator until it is there."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page).startswith(words):
            return
    raise AssertionError(f"{words} is not reached")


def test_by_keyboard_alone(tab: MakeTab, tmp_path: Path) -> None:
    anna = tab()
    anna.go("/login")
    anna.page.keyboard.press("Tab")
    assert focused(anna.page) == "Skip to main content"
    anna.photograph("keyboard-skip")
    anna.page.keyboard.press("Enter")
    tab_to(anna.page, "Username")
    anna.page.keyboard.type("anna")
    tab_to(anna.page, "Password")
    anna.page.keyboard.type("three words of nonsense")
    anna.page.keyboard.press("Enter")
    anna.page.wait_for_url(anna.address + "/")
    tab_to(anna.page, "Upload Covid Data")
    anna.page.keyboard.press("Enter")
    anna.page.wait_for_url(anna.address + MAIN)
    tab_to(anna.page, "Choose the Covid-19 Main Data Excel file")
    anna.page.set_input_files("#file", sheet(tmp_path / "keys.xlsx", "positive", rows(2, 95_000)))
    tab_to(anna.page, "Upload")
    anna.photograph("keyboard-upload")
    anna.page.keyboard.press("Enter")
    finished(anna)
    anna.go("/checker")
    tab_to(anna.page, "NHS or CHI numbers")
    anna.page.keyboard.type("9994621784")
    tab_to(anna.page, "Check")
    anna.page.keyboard.press("Space")
    expect(anna.page.locator("#answers")).to_be_focused()
