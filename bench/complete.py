"""Complete patients, invented and many, as an export finds them: a home, its store of images, and the topics."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from kafka import KafkaProducer

from bench.images import SMALL, write_images
from schemas.coverage import CasesReconciled
from schemas.home import Home
from schemas.records import RowPseudonymised
from schemas.rules import DEFAULT
from schemas.templates import template
from schemas.topics import COVERAGE_STATUS, ROWS

_SITES = 25


def make_home(root: Path) -> Home:
    """A home with the sites of these patients, as far as an export needs one."""
    home = Home(root)
    home.store.mkdir(parents=True)
    shutil.copyfile(DEFAULT, home.rules)
    site = '[[site]]\ncode = "SITE{0:02d}"\nname = "Invented {0:02d}"\npacs_identifier = "hospital"\n'
    site += 'hospital_number_pattern = "[A-Z]{{2}}[0-9]{{8}}"\nae_titles = ["AE{0:02d}"]\ncontact_email = "a@example.org"\n'
    home.sites.write_text("\n".join(site.format(number) for number in range(_SITES)), encoding="utf-8")
    home.keyring.touch(0o600)  # a home has one; an export does not read it
    return home


def fill_store(store: Path, records: list[CasesReconciled], root: Path) -> int:
    """One small image a study.

    Args:
        store: of the home.
        records: the cases.
        root: where there is room for a model.

    Returns:
        How many images.
    """
    (made,) = write_images(root / "one", SMALL, 1, 1)
    image = next(made.iterdir()).read_bytes()
    count = 0
    for case in (known.case for record in records for known in record.cases):
        for study in case.studies:
            path = store / case.site / case.patient / study / f"{study}.1" / f"{study}.1.1.dcm"
            path.parent.mkdir(parents=True)
            path.write_bytes(image)
            count += 1
    return count


def publish(address: str, records: list[CasesReconciled]) -> None:
    """Puts the cases and their rows on the topics."""
    producer = KafkaProducer(bootstrap_servers=address, linger_ms=20)
    for record in records:
        producer.send(COVERAGE_STATUS.name, COVERAGE_STATUS.wire.encode(record), key=record.match.encode())
        for row in rows(record):
            producer.send(ROWS.name, ROWS.wire.encode(row), key=record.match.encode())
    producer.flush()
    producer.close()


def rows(record: CasesReconciled) -> Iterator[RowPseudonymised]:
    """The rows of a record, with every cell filled."""
    for case in (known.case for known in record.cases):
        if case.main is not None:
            yield RowPseudonymised(
                event=f"{case.main.upload}-{case.main.row}", site=case.site, kind="positive", upload=case.main.upload,
                uploaded_at=case.main.uploaded_at, row=case.main.row, patient=case.patient, person=case.main.person,
                match=record.match, nhs_sealed=None, key_version=1, form=case.main.form, swab_date=case.main.swab_date,
                result=None, values=_VALUES,
            )  # fmt: skip


_VALUES = {
    column.key: "2020-05-12" if column.type == "date" else next(iter(column.codes), "12")
    for column in template("positive").columns
    if column.type not in {"nhs_or_chi", "hospital_number"}
}
"""A row with every cell filled."""
