"""Coverage and answers as a person reads them in a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitoring.checker import Answer
from monitoring.coverage import SiteCoverage
from schemas.coverage import CoverageStatus, State

_STATES: dict[State, tuple[str, str]] = {
    "complete": ("complete", "green"),
    "awaiting-images": ("awaiting images", "yellow"),
    "images-missing": ("images missing", "red"),
    "awaiting-spreadsheet": ("awaiting spreadsheet", "yellow"),
    "spreadsheet-missing": ("spreadsheet missing", "red"),
    "withdrawn": ("withdrawn", "dim"),
}
"""State -> words, colour. The words alone say it; colour only helps."""

_WHAT_TO_DO: dict[State, str] = {
    "complete": "nothing is missing",
    "awaiting-images": "images are still to come from PACS",
    "images-missing": "images are overdue: ask PACS to send them",
    "awaiting-spreadsheet": "the spreadsheet row is still to come",
    "spreadsheet-missing": "the spreadsheet row is overdue: upload it",
    "withdrawn": "the patient opted out",
}


def coverage_table(sites: Mapping[str, SiteCoverage], title: str = "Coverage by site, in patients") -> Table:
    """One line a site and one for all, a column a state, studies by kind."""
    seen = [state for state in _STATES if state in {"complete", "awaiting-images", "awaiting-spreadsheet"} or _any(sites, state)]
    table = Table(title=title, title_justify="left")
    table.add_column("site")
    table.add_column("patients", justify="right")
    for state in seen:
        words, colour = _STATES[state]
        table.add_column(words, justify="right", style=colour)
    table.add_column("", min_width=20)
    for kind in ("X-ray", "CT", "MR"):
        table.add_column(f"{kind} studies", justify="right")
    for code, counted in sites.items():
        table.add_row(*_line(code, counted, seen))
    table.add_section()
    table.add_row(*_line("all", _sum(sites), seen), style="bold")
    return table


def flags_table(sites: Mapping[str, SiteCoverage]) -> Table:
    """One line a flag, a column a site."""
    table = Table(title="Flags, in patients", title_justify="left")
    table.add_column("flag")
    for code in sites:
        table.add_column(code, justify="right")
    for flag in sorted({flag for counted in sites.values() for flag in counted.flags}):
        table.add_row(flag, *(str(counted.flags[flag]) for counted in sites.values()))
    return table


def show(*tables: Table) -> None:
    """Prints tables on stdout."""
    console = Console(width=None if Console().is_terminal else 160)
    for table in tables:
        console.print(table)


def check_words(answers: Sequence[Answer]) -> str:
    """One paragraph an answer, by position: the number itself is never repeated."""
    return "\n".join(line for position, answer in enumerate(answers, start=1) for line in _answer(position, answer))


def _answer(position: int, answer: Answer) -> list[str]:
    if answer.reason is not None:
        return [f"{position}. not a valid number: {answer.reason}"]
    if not answer.cases:
        return [f"{position}. not collected: nothing has arrived for this patient"]
    parts = ("collected", answer.collected), ("data", answer.data), ("images", answer.images)
    heading = ", ".join(f"{name}: {'yes' if there else 'no'}" for name, there in parts)
    return [f"{position}. {heading}", *(f"   {_case(case)}" for case in answer.cases)]


def _case(case: CoverageStatus) -> str:
    since = f"{case.since:%d/%m/%Y %H:%M} UTC"
    flags = f" [{', '.join(case.flags)}]" if case.flags else ""
    return f"{case.site}: {_STATES[case.state][0]} since {since}; {_WHAT_TO_DO[case.state]}{flags}"


def _any(sites: Mapping[str, SiteCoverage], state: State) -> bool:
    return any(counted.states[state] for counted in sites.values())


def _sum(sites: Mapping[str, SiteCoverage]) -> SiteCoverage:
    total = SiteCoverage()
    for counted in sites.values():
        total.cases += counted.cases
        for mine, theirs in ((total.states, counted.states), (total.flags, counted.flags), (total.studies, counted.studies)):
            mine.update(theirs)
    return total


def _line(code: str, counted: SiteCoverage, states: Sequence[State]) -> list[str | Text]:
    numbers = [str(counted.states[state]) for state in states]
    studies = [str(counted.studies[kind]) for kind in ("xray", "ct", "mr")]
    return [code, str(counted.cases), *numbers, _bar(counted), *studies]


def _bar(counted: SiteCoverage, width: int = 20) -> Text:
    """The share of complete patients as a bar with its percentage."""
    share = counted.states["complete"] / counted.cases if counted.cases else 0.0
    full = round(share * (width - 5))
    return Text("█" * full + "░" * (width - 5 - full) + f" {share:4.0%}")
