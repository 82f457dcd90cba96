"""The whole collection as hospitals send it, sealed, and as many times over as is wanted: rows and studies on the raw topics.

Of 20,000 patients 56,000 studies, as the National COVID-19 Chest Imaging Database had in its best time. Numbers are invented: NHS
numbers are of the 999 range, which is never issued, and when that is used up patients have none.
"""

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path

from bench.filling import Placed
from bench.pseudonymous import course
from identity import keyring
from identity.hospital import HospitalNumber
from identity.pseudonyms import Pseudonymiser
from identity.seal import RowIdentity, Sealer, StudyIdentity
from schemas.records import RowSubmitted, StudyReceived
from schemas.sites import Site, read_sites
from schemas.topics import RAW_IMAGES, RAW_ROWS
from schemas.wire import Wire

PATIENTS, STUDIES = 20_000, 56_000
_FORMS = {"RDGM": "RR{:08d}", "EXMR": "XX{:07d}", "PENM": "{:07d}"}
"""Of hospital numbers at three of the invented sites (schemas/sites.example.toml)."""

_FIRST, _LAST = 999_000_000, 999_999_999
_WEIGHTS = range(10, 1, -1)
_PER_UPLOAD = 200


class Hospital:
    """The edge of all sites, without its doors: makes what lies in the outbox."""

    def __init__(self, home: Path) -> None:
        """With the keys and the registry of a home."""
        keys = keyring.load(home / "keyring.json")
        self._sites = read_sites(home / "sites.toml")
        self._pseudonyms, self._sealer = Pseudonymiser(keys), Sealer(keys)

    def everything(self, patients: int, came: dt.datetime) -> Iterator[Placed]:
        """Row and studies of each patient: two studies, and a third of four patients in five."""
        for number, nhs in zip(range(patients), itertools.chain(nhs_numbers(), itertools.repeat(None))):  # noqa: B905  # the second has no end
            code = list(_FORMS)[number % len(_FORMS)]
            site, own = self._sites[code], _FORMS[code].format(1 + number)
            key = self._pseudonyms.routing(site, HospitalNumber(own))
            at = came + dt.timedelta(milliseconds=number)
            yield RAW_ROWS.name, key, Wire.encode(self._row(number, site, RowIdentity(nhs, own), at))
            for which in range(3 if number % 5 else 2):
                yield RAW_IMAGES.name, key, Wire.encode(self._study(number, which, site, StudyIdentity(own), at))

    def _row(self, number: int, site: Site, identity: RowIdentity, came: dt.datetime) -> RowSubmitted:
        upload, line = f"{number // _PER_UPLOAD:032x}", number % _PER_UPLOAD + 2
        event = f"{upload}-{line}"
        return RowSubmitted(
            event=event, site=site.code, kind="positive", upload=upload, uploaded_at=came, row=line,
            identity=self._sealer.seal(identity, f"{site.code}/{event}"), swab_date=came.date(), result=None,
            values=course(number),
        )  # fmt: skip

    def _study(self, number: int, which: int, site: Site, identity: StudyIdentity, came: dt.datetime) -> StudyReceived:
        event = f"{number:031x}{which:x}"
        return StudyReceived(
            event=event, site=site.code, origin="node", study=self._pseudonyms.uid(f"{number}.{which}"), received_at=came,
            identity=self._sealer.seal(identity, f"{site.code}/{event}"), study_date=came.date(),
            instances={"CT": 200} if (number + which) % 3 else {"DX": 2}, patient_ids=1, body_parts=["CHEST"],
            manufacturer="Invented Medical", model="Model 1", settled=True,
        )  # fmt: skip


def nhs_numbers() -> Iterator[str]:
    """All valid numbers of the 999 range, with their check digit (modulus 11), in ascending order."""
    for first_nine in range(_FIRST, _LAST + 1):
        check = -sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, str(first_nine), strict=True)) % 11
        if check != 10:
            yield f"{first_nine}{check}"
