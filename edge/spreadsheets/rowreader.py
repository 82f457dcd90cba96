"""One row of a sheet after another: cells in, a ``Row`` and its findings out."""

from edge.spreadsheets import identifying
from edge.spreadsheets.cells import identifies
from edge.spreadsheets.findings import Findings, Remark
from edge.spreadsheets.headers import Layout
from edge.spreadsheets.identifiers import read_hospital, read_nhs
from edge.spreadsheets.places import cell
from edge.spreadsheets.rows import Row
from edge.spreadsheets.structure import place, row_of
from edge.spreadsheets.values import Read, result
from edge.spreadsheets.verdicts import EMPTY, Verdict, is_blank
from edge.spreadsheets.workbook import Value
from identity.hospital import HospitalNumber
from schemas.sites import Site
from schemas.templates import HOSPITAL_KEY, NHS_KEY, Template

NO_STORED_VALUE = Remark(
    problem="The cell holds a formula without a stored value.",
    expected="open the file in Excel and save it, or type the value in place of the formula",
    stops=True,
)
STORED_VALUE = Remark(
    problem="The cell holds a formula; the value that Excel stored was read.", expected="type the value in place of the formula"
)
NO_HEADER = Remark(
    problem="There is something in this column, but the column has no header.",
    expected="empty the column, or give it its header from the template",
    stops=True,
)
_ANCHOR = {
    "positive": "the three years of images are counted back from the day of the upload",
    "negative": "the four weeks of images are counted from the day of the upload",
}


class RowReader:
    """Reads the rows of one worksheet, and keeps what only the whole sheet can judge: hospital numbers that do not fit."""

    def __init__(
        self, template: Template, site: Site, layout: Layout, readers: dict[str, Read], formulas: dict[int, bool]
    ) -> None:
        self.misfits: list[tuple[str, Remark]] = []
        self.hospital_numbers = 0
        self._template, self._site, self._layout, self._formulas = template, site, layout, formulas
        self._formula_rows = set(map(row_of, formulas))
        self._columns = [(key, layout.places[key], readers[key]) for key in readers if key in layout.places]
        self._unheaded = set[int]()
        self._without_header: list[int] | None = None
        self._pattern = identifying.anywhere(site.hospital_number_pattern)
        anchor = f"a date as DD/MM/YYYY; without it {_ANCHOR[template.kind]}"
        self._no_swab_date = Remark(problem="The swab date is missing.", expected=anchor)

    def read(self, number: int, cells: tuple[Value, ...], found: Findings) -> Row | None:
        """The row with this number; None where it is empty."""
        if number in self._formula_rows:
            self._say_formulas(number, cells, found)
        if all(map(is_blank, cells)):
            return None
        self._say_unheaded(number, cells, found)
        nhs = read_nhs(cells[self._layout.place(NHS_KEY) - 1], self._site)
        if nhs.remark:
            found.add(nhs.remark, cell(number, self._layout.place(NHS_KEY)), NHS_KEY)
        hospital = self._hospital(number, cells, found)
        verdicts = self._verdicts(number, cells, hospital, found)
        swab_date = verdicts.get(self._template.swab_date_key, EMPTY)
        if not swab_date.text and not swab_date.remarks and self._template.swab_date_key in self._layout.places:
            found.add(self._no_swab_date, self._cell_of(number, self._template.swab_date_key), self._template.swab_date_key)
        return Row(
            number=number,
            nhs=nhs.number,
            hospital=hospital,
            swab_date=swab_date.date,
            result=result(verdicts.get(self._template.result_key, EMPTY)) if self._template.result_key else None,
            values={key: verdict.text for key, verdict in verdicts.items() if verdict.text},
        )

    def _cell_of(self, number: int, key: str) -> str:
        return cell(number, self._layout.places[key][0])

    def _hospital(self, number: int, cells: tuple[Value, ...], found: Findings) -> HospitalNumber | None:
        column = self._layout.place(HOSPITAL_KEY)
        hospital = read_hospital(cells[column - 1], self._site)
        self.hospital_numbers += hospital.number is not None
        if hospital.remark:
            found.add(hospital.remark, cell(number, column), HOSPITAL_KEY)
        if hospital.misfit:
            self.misfits.append((cell(number, column), hospital.misfit))
        return hospital.number

    def _verdicts(self, number: int, cells: tuple[Value, ...], own: HospitalNumber | None, found: Findings) -> dict[str, Verdict]:
        verdicts = {}
        for key, columns, read in self._columns:
            column = columns[0] if len(columns) == 1 else _first_filled(columns, cells)
            verdict = verdicts[key] = read(cells[column - 1])
            for remark in verdict.remarks:
                found.add(remark, cell(number, column), key)
            if verdict.folded and self._identifies(verdict.folded, own):
                found.add(identifies("a hospital number"), cell(number, column), key)
        return verdicts

    def _identifies(self, folded: str, own: HospitalNumber | None) -> bool:
        return identifying.of_the_sites_form(folded, self._pattern) or (own is not None and identifying.own_number(folded, own))

    def _say_formulas(self, number: int, cells: tuple[Value, ...], found: Findings) -> None:
        for column, value in enumerate(cells, 1):
            stored_as_text = self._formulas.get(place(number, column))
            if stored_as_text is None or column not in self._layout.headed:
                continue
            if value is None and not stored_as_text:
                found.add(NO_STORED_VALUE, cell(number, column), self._layout.key_at(column))
            elif not is_blank(value):
                found.add(STORED_VALUE, cell(number, column), self._layout.key_at(column))

    def _say_unheaded(self, number: int, cells: tuple[Value, ...], found: Findings) -> None:
        """One error a column, at its first cell."""
        if self._without_header is None:
            self._without_header = self._layout.unheaded(len(cells))
        for column in self._without_header:
            if column not in self._unheaded and not is_blank(cells[column - 1]):
                self._unheaded.add(column)
                found.add(NO_HEADER, cell(number, column))


def _first_filled(columns: tuple[int, ...], cells: tuple[Value, ...]) -> int:
    return next((column for column in columns if not is_blank(cells[column - 1])), columns[0])
