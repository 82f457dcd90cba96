"""Writes an invented world to files as hospitals would hand them in, with the order of deliveries and the truth beside them."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from schemas.sites import EXAMPLE, Site, Sites, read_sites
from synth.deadlines import rules_text
from synth.dicom import image_file
from synth.hands import nhs_cell, number_text
from synth.model import Delivery, Door, Withdrawal, World
from synth.spreadsheets import write_sheet
from synth.truth import truth

Progress = Callable[[int, int], None]
"""Told after each delivery: how many are written, of how many."""


def write_world(world: World, out: Path, progress: Progress | None = None) -> None:
    """Everything that the sites send, and what it must come to.

    Shapes: ``sites.toml``, ``rules.toml``, ``SITE/uploads/NN-positive.xlsx``, ``SITE/uploads/NN-negative.xlsx``,
    ``SITE/images/NN/*.dcm``, ``SITE/from-pacs/NN/*.dcm`` (for the node),
    ``SITE/withdrawals/NN.txt`` (numbers, one a line), ``deliveries.json`` (a list in the order of time:
    at, site, kind, path) and ``truth.json`` (``truth.truth``), which holds under these rules.

    Raises:
        FileExistsError: ``out`` exists and is not an empty folder; nothing is mixed with what is there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is not an empty folder; choose a new one for the invented sites")
    out.mkdir(parents=True, exist_ok=True)
    (out / "sites.toml").write_text(registry_text(world.sites), encoding="utf-8")
    (out / "rules.toml").write_text(rules_text(world.impatient), encoding="utf-8")
    paths = _paths(world)
    for place, (delivery, path) in enumerate(zip(world.deliveries, paths, strict=True)):
        first = out / paths[delivery.repeats] if delivery.repeats is not None else None
        _write(world.sites[delivery.site], delivery, place, out / path, first)
        if progress:
            progress(place + 1, len(paths))
    plan = [
        {"at": delivery.at, "site": delivery.site, "kind": delivery.door, "path": path}
        for delivery, path in zip(world.deliveries, paths, strict=True)
    ]
    _write_json(out / "deliveries.json", plan)
    _write_json(out / "truth.json", truth(world))


def registry_text(sites: Sites) -> str:
    """The registry as TOML: the example's own text, with its comments, where it is the example."""
    if dict(sites) == dict(read_sites(EXAMPLE)):
        return EXAMPLE.read_text(encoding="utf-8")
    return "\n".join(_site_text(site) for site in sites.values())


def _site_text(site: Site) -> str:
    fields = ((name, getattr(site, name)) for name in site.__struct_fields__)
    return "[[site]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields)  # JSON's strings are TOML's


def _paths(world: World) -> list[str]:
    """Where each delivery lies: numbered by door at each site."""
    numbers: Counter[tuple[str, str]] = Counter()
    paths = []
    for delivery in world.deliveries:
        folder, ending = _PLACES[delivery.door]
        numbers[delivery.site, folder] += 1
        paths.append(f"{delivery.site}/{folder}/{numbers[delivery.site, folder]:02d}{ending}")
    return paths


_PLACES: dict[Door, tuple[str, str]] = {
    "positive": ("uploads", "-positive.xlsx"),
    "negative": ("uploads", "-negative.xlsx"),
    "images": ("images", ""),
    "pacs": ("from-pacs", ""),
    "withdraw": ("withdrawals", ".txt"),
}
"""By door: the folder, and how the names in it end."""


def _write(site: Site, delivery: Delivery, place: int, path: Path, first: Path | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match delivery.door:
        case "images" | "pacs":
            _write_images(site, delivery, place, path)
        case "withdraw":
            path.write_text("".join(f"{_typed(each)}\n" for each in delivery.withdrawals), encoding="utf-8")
        case _ if first:
            shutil.copyfile(first, path)  # the very same file under a new name
        case sheet:
            write_sheet(path, sheet, site, delivery.rows)


def _typed(withdrawal: Withdrawal) -> str | int:
    """The number in the hand of those who write about the patient."""
    hand = withdrawal.patient.hand
    if withdrawal.by == "nhs":
        return nhs_cell(withdrawal.number, hand.nhs)
    return number_text(withdrawal.number, hand.number)


def _write_images(site: Site, delivery: Delivery, place: int, folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, sending in enumerate(delivery.sendings):
        for instance in sending.instances:
            name = hashlib.blake2b(f"{place} {number} {instance.uid}".encode(), digest_size=8).hexdigest()
            (folder / f"{name}.dcm").write_bytes(image_file(site, sending.study, instance))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
