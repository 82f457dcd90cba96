"""The node's store as the export sees it: which images there are of a study, and what an image's header says.

The files are de-identified already; their names are pseudonyms. Nothing is changed on the way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pydicom
from pydicom.errors import InvalidDicomError

from schemas.problems import WorkFailedError


class StoreDamagedError(WorkFailedError):
    """A file in the store is no DICOM file; says where it lies."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An image in the store."""

    study: str
    series: str
    instance: str
    path: Path

    @property
    def source(self) -> str:
        """Where it lies, below the patient."""
        return f"{self.study}/{self.series}/{self.instance}"


def stored(store: Path, site: str, patient: str, study: str) -> Iterator[Stored]:
    """The images of a study of a patient, in the order of their names; ``<site>/<patient>/<study>/<series>/<instance>.dcm``."""
    for path in sorted((store / site / patient / study).glob("*/*.dcm")):
        yield Stored(study, path.parent.name, path.stem, path)


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the pixels."""

    modality: str
    json: dict[str, Any]


def header(path: Path) -> Header:
    """The header of an image in the DICOM JSON model (PS3.18 annex F), binary values null.

    Raises:
        StoreDamagedError: it is no DICOM file.
    """
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        elements = msgspec.json.decode(dataset.to_json(suppress_invalid_tags=True))
        return Header(str(dataset.get("Modality", "")), _without_binary(elements))
    except (InvalidDicomError, ValueError, TypeError, KeyError, NotImplementedError):
        raise StoreDamagedError(
            f"{path} cannot be read as DICOM; put it right in the store, or delete it and let PACS send it again"
        ) from None


def _without_binary(elements: dict[str, Any]) -> dict[str, Any]:
    return {tag: _plain(element) for tag, element in elements.items()}


def _plain(element: dict[str, Any]) -> dict[str, Any]:
    if "InlineBinary" in element:
        return {**element, "InlineBinary": None}
    if element.get("vr") == "SQ" and "Value" in element:
        return {**element, "Value": [_without_binary(item) for item in element["Value"]]}
    return element
