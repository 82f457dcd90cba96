"""Where what lies in the destination: the warehouse's raw layout, its processed one, and what is ours beside them.

    raw-<uploader>/YYYY-MM-DD/data/<Pseudonym>_data.json | _status.json
    raw-<uploader>/YYYY-MM-DD/images/<image id>.dcm

    {training|validation}/data/<Pseudonym>/{data|status}_YYYY-MM-DD.json
    {training|validation}/{xray|ct|mri|unknown}/<Pseudonym>/<StudyUID>/<SeriesUID>/<image id>.dcm
    {training|validation}/{xray|ct|mri|unknown}-metadata/<Pseudonym>/<StudyUID>/<SeriesUID>/<image id>.json

    cleaned/YYYY-MM-DD/<Pseudonym>.json     the typed copy of a clinical record
    manifests/YYYY-MM-DD.json               what was handed over that day, and what is to be deleted
    ledger/<Pseudonym>.json                 what of this patient was delivered: our own memory

An image id begins with the pseudonym, so that names are unique overall whatever a PACS sends twice.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from handover.destination import Destination

Side = Literal["training", "validation"]
Name = Literal["raw", "processed"]

_FOLDERS = {"DX": "xray", "CR": "xray", "CT": "ct", "MR": "mri"}

LEDGER = "ledger/"
MANIFESTS = "manifests/"
UNFINISHED = "unfinished/"
LAYOUT = "layout.json"
LOCK = "lock.json"

_PSEUDONYM = re.compile(r"Covid[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Image:
    """An image and where the store has it."""

    patient: str
    study: str
    series: str
    id: str  # unique overall
    modality: str | None  # None where the layout does not ask for it


class Layout(Protocol):
    """Names of files."""

    @property
    def name(self) -> str:
        """What was chosen, as ``layout.json`` keeps it: one destination has one layout."""
        ...

    @property
    def sorted_in(self) -> bool:
        """Whether images are sorted by modality, with their headers beside them, and patients by side."""
        ...

    def clinical(self, patient: str, word: str, day: dt.date, side: Side) -> str:
        """The path of a clinical record."""
        ...

    def image(self, image: Image, day: dt.date, side: Side) -> str:
        """The path of an image."""
        ...


@dataclass(frozen=True, slots=True)
class Raw:
    """As the collection server writes for the warehouse's loader."""

    uploader: str
    sorted_in: bool = False

    @property
    def name(self) -> str:
        """As ``Layout`` has it."""
        return f"raw-{self.uploader}"

    def clinical(self, patient: str, word: str, day: dt.date, side: Side) -> str:  # noqa: ARG002  # as Layout has it
        """``raw-<uploader>/YYYY-MM-DD/data/<Pseudonym>_<word>.json``."""
        return f"{self.name}/{day.isoformat()}/data/{patient}_{word}.json"

    def image(self, image: Image, day: dt.date, side: Side) -> str:  # noqa: ARG002  # as Layout has it
        """``raw-<uploader>/YYYY-MM-DD/images/<image id>.dcm``."""
        return f"{self.name}/{day.isoformat()}/images/{image.id}.dcm"


@dataclass(frozen=True, slots=True)
class Processed:
    """As the warehouse's loader leaves it."""

    sorted_in: bool = True

    @property
    def name(self) -> str:
        """As ``Layout`` has it."""
        return "processed"

    def clinical(self, patient: str, word: str, day: dt.date, side: Side) -> str:
        """``<side>/data/<Pseudonym>/<word>_YYYY-MM-DD.json``."""
        return f"{side}/data/{patient}/{word}_{day.isoformat()}.json"

    def image(self, image: Image, day: dt.date, side: Side) -> str:  # noqa: ARG002  # as Layout has it
        """``<side>/<folder>/<Pseudonym>/<StudyUID>/<SeriesUID>/<image id>.dcm``."""
        return f"{side}/{_folder(image)}/{_within(image)}.dcm"


def metadata(image: Image, side: Side) -> str:
    """Where the header of an image lies in the processed layout."""
    return f"{side}/{_folder(image)}-metadata/{_within(image)}.json"


def _folder(image: Image) -> str:
    return _FOLDERS.get(image.modality or "", "unknown")


def _within(image: Image) -> str:
    return f"{image.patient}/{image.study}/{image.series}/{image.id}"


def cleaned(patient: str, day: dt.date) -> str:
    """Where the typed copy of a clinical record lies."""
    return f"cleaned/{day.isoformat()}/{patient}.json"


def manifest(day: dt.date) -> str:
    """Where the manifest of a day lies."""
    return f"{MANIFESTS}{day.isoformat()}.json"


_NOT_DELIVERED = (LEDGER, MANIFESTS, UNFINISHED)


def delivered_paths(destination: Destination) -> Iterator[str]:
    """All files in a destination that are no memory of ours."""
    return (path for path in destination.paths("") if path not in (LAYOUT, LOCK) and not path.startswith(_NOT_DELIVERED))


def patient_of(path: str) -> str:
    """The pseudonym that a file's name begins with, or that of the folder that it lies in; nothing where it has neither."""
    folders, _, name = path.rpartition("/")
    if found := _PSEUDONYM.match(name):
        return found[0]
    return next((part for part in folders.split("/") if _PSEUDONYM.fullmatch(part)), "")
