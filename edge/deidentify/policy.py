"""The policy on tags, from the reviewed tables beside this file: what is not in them does not pass.

    attributes.csv   tag, keyword, VR, VM, action, form, otherwise, profile, why
    private.csv      creator, group, element, VR, VM, why: private attributes known to be safe (PS3.15 table E.3.10-1)

The actions:

    keep        as it is, where it has its form and holds nothing that tells who the patient is; else ``otherwise``
    clean       free text, of which only the words of the vocabulary stay
    items       a sequence: each of its items by this same table
    shift       a date or date-time, earlier by the patient's number of days
    year        a date, cut to 1 January
    uid         UIDs, each replaced by its keyed one
    standard    a UID that the standard itself defines; any other is not kept
    pseudonym   the patient's pseudonym, at the top only
    empty       of length zero
    replace     ``otherwise``, always
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from edge.deidentify import forms

Action = Literal["keep", "clean", "items", "shift", "year", "uid", "standard", "pseudonym", "empty", "replace"]
Watch = Literal["nothing", "code", "text", "number", "bytes"]

ATTRIBUTES = Path(__file__).with_name("attributes.csv")
PRIVATE = Path(__file__).with_name("private.csv")

_LIST = re.compile(r"[A-Za-z0-9_ |]+")
_WATCHES: dict[str, Watch] = {
    "CS": "code",
    **dict.fromkeys(("LO", "LT", "SH", "UC"), "text"),
    **dict.fromkeys(("DS", "IS"), "number"),
    **dict.fromkeys(forms.SIZES, "bytes"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of one attribute."""

    tag: int
    keyword: str
    vr: str
    action: Action
    fits: forms.Fits
    piece: forms.Fits | None  # for each of several values, where they are text
    watch: Watch
    otherwise: bytes
    vrs: frozenset[bytes]  # as which a file may give it
    written: bytes  # the VR that is written; empty where the dictionary leaves a choice, and the file's own is


def rules() -> dict[int, Rule]:
    """The rules by tag."""
    with ATTRIBUTES.open(encoding="utf-8", newline="") as file:
        made = [_rule(line) for line in csv.DictReader(file)]
    return {rule.tag: rule for rule in made}


def _rule(line: dict[str, str]) -> Rule:
    vr, vm, given = line["vr"], line["vm"], line["form"]
    action = next(each for each in get_args(Action) if each == line["action"])
    judged = action not in ("items", "pseudonym", "empty")
    text = judged and forms.is_text(vr)
    return Rule(
        tag=int(line["tag"], 16),
        keyword=line["keyword"],
        vr=vr,
        action=action,
        fits=forms.form(vr, vm, given) if judged else bool,
        piece=forms.piece(vr, given) if text else None,
        watch=_WATCHES.get(vr, "nothing") if action == "keep" and not _closed(given) else "nothing",
        otherwise=line["otherwise"].encode(),
        vrs=frozenset(each.encode() for each in vr.split(" or ")),
        written=b"" if " or " in vr else vr.encode(),
    )


def _closed(given: str) -> bool:
    """Whether a form is a list of values: nothing that tells of a patient can be among them."""
    return _LIST.fullmatch(given) is not None


def private_rules() -> dict[tuple[bytes, int, int], Rule]:
    """The rules of safe private attributes, by creator, group and the last two digits of the element."""
    with PRIVATE.open(encoding="utf-8", newline="") as file:
        return {_place(line): _private_rule(line) for line in csv.DictReader(file)}


def _place(line: dict[str, str]) -> tuple[bytes, int, int]:
    return line["creator"].encode(), int(line["group"], 16), int(line["element"], 16)


def _private_rule(line: dict[str, str]) -> Rule:
    public = {"tag": line["group"] + line["element"].rjust(4, "0"), "keyword": "", "action": "keep", "form": "", "otherwise": ""}
    return _rule({**line, **public})
