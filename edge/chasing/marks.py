"""What a row of a chase list says: its state in plain words, whose turn it is and for what. Pure: statuses in, words out."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from edge.chasing.facts import NOWHERE, AskedRow, Known, Mark, StudyLine
from edge.chasing.looks import COMMENTS, FLAGS, IMAGES, LABELS, MAIN_ROW, TO_DO, Label
from schemas.coverage import Case, CasesReconciled, CoverageStatus, Images
from schemas.records import Kind
from schemas.rules import SiteRules
from schemas.sites import Site
from schemas.templates import template


class Marker:
    """Marks the rows of one sheet."""

    def __init__(self, site: Site, kind: Kind, rules: SiteRules, known: Known, *, sheet_fails: bool) -> None:
        self._site, self._kind, self._rules, self._known = site, kind, rules, known
        upload = f'upload this sheet under "{template(kind).section}"'
        self._again = f'upload the sheet again under "{template(kind).section}"'
        self._upload = f"correct the errors of this sheet (see the summary), then {upload}" if sheet_fails else upload
        self._chest = "chest " + " or ".join(IMAGES[each] for each in rules.modalities.complete)
        self._strangers = _Strangers(known.without_row)

    def mark(self, row: AskedRow) -> Mark:
        """What is known of a row and what is to be done."""
        status = self._known.patients.get(row.patient or "")
        label = self._label(row, status)
        alike = self._alike(row, status)
        return Mark(
            row=row.number,
            label=label,
            status=_status(label, row, status),
            to_do=" ".join([*self._advice(row, status, alike), self._to_do(label, row, status)]),
            since=status.since.astimezone(dt.UTC).date() if status else None,
            deadline=_day(status.deadline) if status else None,
            images=_images(status.images) if status else "",
            flags="; ".join(FLAGS[flag] for flag in status.flags) if status else "",
            comment=self._comment(row, status, alike),
            mismatched=bool(alike),
        )

    def studies_without_row(self, rows: Sequence[AskedRow]) -> list[StudyLine]:
        """The site's studies that no row has claimed, the longest waiting first."""
        owners = _Owners(rows)
        lines = []
        for cases in self._known.without_row:
            for known in cases.cases:
                overdue = known.status is not None and known.status.state == "spreadsheet-missing"
                hint = owners.hint(cases.match, known.case)
                lines += [StudyLine(facts, overdue, hint != NOWHERE, hint) for facts in known.case.studies.values()]
        return sorted(lines, key=lambda line: (line.facts.first_received_at, line.facts.event))

    def _label(self, row: AskedRow, status: CoverageStatus | None) -> Label:
        if status is not None and status.state == "withdrawn":
            return "withdrawn"
        if row.errors:
            return "not uploaded"
        if status is None:
            return "row to be uploaded"
        label = LABELS[status.state]
        if self._uploaded(status):
            return MAIN_ROW.get(label, label)
        return "row overdue" if status.state == "spreadsheet-missing" else "row to be uploaded"

    def _uploaded(self, status: CoverageStatus) -> bool:
        return status.data in ({"main", "both"} if self._kind == "positive" else {"status", "both"})

    def _to_do(self, label: Label, row: AskedRow, status: CoverageStatus | None) -> str:
        return TO_DO[label].format(
            by=_by(label, status),
            chest=self._chest,
            window=self._window(row, status),
            upload=self._upload,
            again=self._again,
            cells="; ".join(f"{error.cell}{f' ({error.expected})' if error.expected else ''}" for error in row.errors),
            main=template("positive").section,
        )

    def _window(self, row: AskedRow, status: CoverageStatus | None) -> str:
        """From when to when the images must be, by the row that decides."""
        if self._kind == "negative" and status is not None and status.group == "positive" and row.result != 1:
            return "in the window of the patient's row in the main sheet"
        windows = self._rules.windows
        if self._kind == "positive" or row.result == 1:
            years = f"{windows.positive_years_before} years before"
            if row.swab_date is None:
                return f"taken from {years} the day of the upload on (the swab date is missing)"
            return f"taken on or after {years_before(row.swab_date, windows.positive_years_before):%d/%m/%Y} ({years} the swab)"
        days = windows.negative_days_either_side
        if row.swab_date is None:
            return f"taken within {days} days of the day of the upload (the swab date is missing)"
        first, last = (row.swab_date + dt.timedelta(days=shift) for shift in (-days, days))
        return f"taken between {first:%d/%m/%Y} and {last:%d/%m/%Y} (within {days} days of the swab)"

    def _alike(self, row: AskedRow, status: CoverageStatus | None) -> list[str]:
        """The forms of numbers under which images came that probably are this patient's; ["another form"] where not told."""
        flagged = status is not None and "probable-id-mismatch" in status.flags
        if not flagged and status is not None:
            return []
        forms = {study.form for case in self._strangers.alike(row) for study in case.studies.values()}
        return sorted(forms) or (["another form"] if flagged else [])

    def _advice(self, row: AskedRow, status: CoverageStatus | None, alike: list[str]) -> Iterator[str]:
        """What to look at before anything is sent."""
        if alike:
            yield (
                f"Nurse: check the {self._number} with Radiology first: images came under {' and '.join(alike)}, "
                f"and the row has {row.form}."
            )
        elsewhere = [each for each in self._elsewhere(row) if each.data != "none"]
        if elsewhere and (status is None or "several-hospital-numbers" in status.flags):
            known = ", ".join(sorted({LABELS[each.state] for each in elsewhere}))
            yield f"Nurse: the same NHS/CHI number is known here under another {self._number} ({known}); check which is right."

    def _elsewhere(self, row: AskedRow) -> list[CoverageStatus]:
        """The person's other cases at this site."""
        cases = self._known.persons.get(row.person or "", ())
        return [case for case in cases if case.site == self._site.code and case.patient != row.patient]

    @property
    def _number(self) -> str:
        return "hospital number" if self._site.pacs_identifier == "hospital" else "NHS/CHI number"

    def _comment(self, row: AskedRow, status: CoverageStatus | None, alike: list[str]) -> str | None:
        lines = [text for flag, text in COMMENTS.items() if status and flag in status.flags and flag != "probable-id-mismatch"]
        if alike:
            forms = " and ".join(alike)
            lines.insert(0, f"{COMMENTS['probable-id-mismatch']} Images came under {forms}; this row has {row.form}.")
        return "\n".join(lines) or None


def _status(label: Label, row: AskedRow, status: CoverageStatus | None) -> str:
    if label == "not uploaded":
        first = row.errors[0]
        more = f" And {len(row.errors) - 1} more." if len(row.errors) > 1 else ""
        earlier = f" An earlier version is known: {LABELS[status.state]}." if status and status.data != "none" else ""
        return f"not uploaded: {first.cell}: {first.problem}{more}{earlier}"
    if label.endswith("overdue") and status is not None and status.deadline is not None:
        return f"{label} since {status.deadline:%d/%m/%Y}"
    return label


def _by(label: Label, status: CoverageStatus | None) -> str:
    """Until when, where the deadline of the case is that of what is asked for."""
    if status is None or status.deadline is None or label not in (LABELS[status.state], MAIN_ROW.get(LABELS[status.state])):
        return ""
    return f" by {status.deadline:%d/%m/%Y}"


class _Strangers:
    """The cases with studies and no row, by what a row may have in common with them."""

    def __init__(self, without_row: Iterable[CasesReconciled]) -> None:
        self._by_match: dict[str, list[Case]] = defaultdict(list)
        self._by_person: dict[str, list[Case]] = defaultdict(list)
        for cases in without_row:
            for known in cases.cases:
                self._by_match[cases.match].append(known.case)
                for person in {study.person for study in known.case.studies.values() if study.person is not None}:
                    self._by_person[person].append(known.case)

    def alike(self, row: AskedRow) -> list[Case]:
        """Those that are probably the patient of a row, under another number."""
        found = [*self._by_match.get(row.match or "", ()), *self._by_person.get(row.person or "", ())]
        return [case for case in found if case.patient != row.patient]


class _Owners:
    """The rows of the sheet, by what a study may have in common with them; the first row counts."""

    def __init__(self, rows: Iterable[AskedRow]) -> None:
        self._by_patient: dict[str | None, AskedRow] = {}
        self._by_match: dict[str | None, AskedRow] = {}
        self._by_person: dict[str | None, AskedRow] = {}
        for row in rows:
            self._by_patient.setdefault(row.patient, row)
            self._by_match.setdefault(row.match, row)
            if row.person is not None:
                self._by_person.setdefault(row.person, row)

    def hint(self, match: str, case: Case) -> str:
        """Which row of the sheet a study probably belongs to."""
        if row := self._by_patient.get(case.patient):
            return f"row {row.number}, which is not uploaded yet"
        if row := self._by_match.get(match):
            return f"perhaps row {row.number}: the same digits, there written as {row.form}"
        persons = (self._by_person.get(study.person) for study in case.studies.values())
        if row := next(filter(None, persons), None):
            return f"perhaps row {row.number}: the same NHS/CHI number"
        return NOWHERE


def _images(images: Images) -> str:
    """Studies in the window by kind, and how many lie outside."""
    kinds = {"X-ray": images.xray, "CT": images.ct, "MR": images.mr}
    inside = ", ".join(f"{name} {counts.in_window}" for name, counts in kinds.items())
    others = f", other {images.other.in_window}" if images.other.in_window else ""
    outside = sum(counts.out_of_window for counts in (*kinds.values(), images.other))
    return f"{inside}{others}{f' ({outside} outside)' if outside else ''}"


def _day(moment: dt.datetime | None) -> dt.date | None:
    return moment.astimezone(dt.UTC).date() if moment else None


def years_before(day: dt.date, years: int) -> dt.date:
    """The same day of an earlier year; 29 February becomes 28 February where that year has none."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
