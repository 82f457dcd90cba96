"""The two sheets that a chase list has besides: the summary (how it stands, what to do first), and the studies without a row."""

import datetime as dt
import textwrap
from collections.abc import Iterable, Sequence

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from edge.chasing.facts import Mark, Sheet, StudyLine
from edge.chasing.looks import FLAG_MEANINGS, FLAGS, LOOKS
from edge.spreadsheets.places import letters, listed
from schemas.sites import Site
from schemas.templates import template

SUMMARY, STUDIES = "NCCID summary", "Studies without a row"

Value = str | int | dt.date | None

_BLUE = "FF003087"
_NAME = "Calibri"
_TITLE = Font(name=_NAME, b=True, sz=16, color=_BLUE)
_SECTION = Font(name=_NAME, b=True, sz=12, color=_BLUE)
_BOLD = Font(name=_NAME, b=True, sz=11)
_HEADING = Font(name=_NAME, b=True, sz=11, color="FFFFFFFF")
_HEADING_FILL = PatternFill("solid", fgColor=_BLUE)
_TOP = Alignment(horizontal="left", vertical="top", wrap_text=True)
_UNDER = Border(bottom=Side("thin", color="FFD8DDE0"))
_DATE = "dd/mm/yyyy"
_LINE = 16.0
_MOST_ROWS = 30  # blocks of rows named in one line
_SUMMARY_WIDTHS = (42, 9, 100, 46)
_STUDY_COLUMNS = {
    "Study date": 13,
    "Modality": 16,
    "Images": 9,
    "First received": 19,
    "Waiting": 12,
    "Number in PACS looks like": 26,
    "Row": 60,
}


def write_summary(
    page: Worksheet,
    sheet: Sheet,
    site: Site,
    marks: Sequence[Mark],
    studies: Sequence[StudyLine],
    now: dt.datetime,
    begins: str,
) -> None:
    """How it stands, what to do first, and what colours and flags mean."""
    _prepare(page, _SUMMARY_WIDTHS)
    kind = "main sheet" if sheet.kind == "positive" else "status sheet"
    page.append(["NCCID chase list"])
    page.cell(1, 1).font = _TITLE
    _lines(
        page,
        (
            ("Site", None, f"{site.name} ({site.code})"),
            ("Sheet", None, f'"{sheet.title}", {kind} with {len(marks):,} rows'),
            ("Made", None, f"{now.astimezone(dt.UTC):%d/%m/%Y %H:%M} UTC; all days here are UTC"),
            ("Where the marks are", None, f"beside each row, from cell {begins} on; they can be filtered there"),
        ),
    )
    _section(page, "How it stands", "Rows", "What it means")
    for label, look in LOOKS.items():
        _line(page, label, sum(mark.label == label for mark in marks), look.meaning, colour=look.colour)
    _line(page, "studies without a row", len(studies), f'Listed in the sheet "{STUDIES}".')
    _section(page, "What to do first", "Rows", "What", "Which rows of the sheet")
    to_do = list(_to_do(marks, studies)) or [("nobody", None, "Nothing: all is here.", None)]
    for number, (turn, count, what, which) in enumerate(to_do, 1):
        _line(page, f"{number}. {turn}", count, what, which)
    if sheet.errors:
        _section(page, "Errors of the sheet as a whole", "Cell", "What is wrong", "What would be right")
        for error in sheet.errors:
            _line(page, error.column or "", error.cell or "", error.problem, error.expected)
    _section(page, "Flags", "Rows", "What it means")
    for flag, words in FLAGS.items():
        _line(page, words, sum(words in mark.flags.split("; ") for mark in marks), FLAG_MEANINGS[flag])
    own = template(sheet.kind)
    page.append(())
    page.append((f'This copy is for reading. Correct your own sheet and upload that under "{own.section}".',))


def _to_do(marks: Sequence[Mark], studies: Sequence[StudyLine]) -> Iterable[tuple[str, int | None, str, str | None]]:
    """Whose turn, how many rows, what, which rows; the most urgent first."""
    for label, look in LOOKS.items():
        rows = [mark.row for mark in marks if mark.label == label]
        if rows and label != "complete":
            yield look.turn, len(rows), look.to_do, _which(rows)
        if label == "not uploaded" and (unlike := [mark.row for mark in marks if mark.mismatched]):
            what = "Check these patients' numbers with Radiology: images came that are probably theirs, under another number."
            yield "Nurse", len(unlike), what, _which(unlike)
    if strangers := sum(not line.claimed for line in studies):
        what = "Find out whose these studies are; the patients may be in another sheet, or in none yet."
        yield f"Nurse and PACS, {strangers:,} studies", None, what, f'see "{STUDIES}"'


def _which(rows: list[int]) -> str:
    blocks: list[tuple[int, int]] = []
    for row in rows:
        if blocks and blocks[-1][1] == row - 1:
            blocks[-1] = (blocks[-1][0], row)
        else:
            blocks.append((row, row))
    return listed(blocks, _MOST_ROWS)


def write_studies(page: Worksheet, studies: Sequence[StudyLine]) -> None:
    """Images that came and that no row of the site has claimed; no number is in it, only what one looks like."""
    _prepare(page, tuple(_STUDY_COLUMNS.values()))
    page.append(["NCCID studies without a row"])
    page.cell(1, 1).font = _TITLE
    told = f"{len(studies):,} studies of this site have come, but no row says whose they are. The longest waiting is first."
    page.append([told if studies else "Every study that has come from this site belongs to a row."])
    page.append(['In "looks like", A stands for a letter and 9 for a digit; the number itself does not leave PACS.'])
    page.append(())
    page.append(list(_STUDY_COLUMNS))
    for title in page[5]:
        title.font, title.fill = _HEADING, _HEADING_FILL
    for line in studies:
        _study(page, line)
    page.freeze_panes = "A6"
    page.print_title_rows = "5:5"
    if studies:
        page.auto_filter.ref = f"A5:{letters(len(_STUDY_COLUMNS))}{5 + len(studies)}"


def _study(page: Worksheet, line: StudyLine) -> None:
    facts = line.facts
    instances = sum(facts.instances.values())
    received = facts.first_received_at.astimezone(dt.UTC).replace(tzinfo=None, second=0, microsecond=0)
    waiting = "overdue" if line.overdue else "in time"
    kinds = ", ".join(sorted(facts.instances))
    page.append((facts.study_date or "no date", kinds, instances, received, waiting, facts.form, line.hint))
    for target in page[page.max_row]:
        target.alignment, target.border = _TOP, _UNDER
        if isinstance(target.value, str):
            target.data_type = "s"  # never a formula: the form has the punctuation of the number
    page.cell(page.max_row, 1).number_format = _DATE
    page.cell(page.max_row, 4).number_format = f"{_DATE} hh:mm"
    if line.overdue:
        page.cell(page.max_row, 5).fill = PatternFill("solid", fgColor=LOOKS["row overdue"].colour)


# --- lines -----------------------------------------------------------------------------------------------------------


def _prepare(page: Worksheet, widths: tuple[int, ...]) -> None:
    for column, width in enumerate(widths, 1):
        page.column_dimensions[letters(column)].width = width
    page.sheet_view.showGridLines = False
    page.page_setup.orientation = "landscape"
    page.page_setup.paperSize = page.PAPERSIZE_A4
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _lines(page: Worksheet, lines: Iterable[tuple[str, Value, str]]) -> None:
    for line in lines:
        _line(page, *line)


def _section(page: Worksheet, title: str, *columns: str) -> None:
    page.append(())
    page.append((title, *columns))
    for target in page[page.max_row]:
        target.font, target.border = _BOLD, _UNDER
    page.cell(page.max_row, 1).font = _SECTION


def _line(page: Worksheet, first: str, second: Value, *rest: str | None, colour: str | None = None) -> None:
    values = (first, second, *rest, *[None] * (len(_SUMMARY_WIDTHS) - 2 - len(rest)))
    page.append(values)
    texts = [(value, width) for value, width in zip(values, _SUMMARY_WIDTHS, strict=True) if isinstance(value, str)]
    lines = max(len(textwrap.wrap(text, width)) for text, width in texts)
    page.row_dimensions[page.max_row].height = _LINE * max(1, lines)
    for target in page[page.max_row]:
        target.alignment, target.border = _TOP, _UNDER
        if isinstance(target.value, str):
            target.data_type = "s"  # never a formula
    if colour:
        page.cell(page.max_row, 1).fill = PatternFill("solid", fgColor=colour)
