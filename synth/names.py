"""Names, streets and places for people who never were, read from the list beside this file."""

import tomllib
from importlib.resources import files

_LISTS: dict[str, list[str]] = tomllib.loads(files(__package__).joinpath("names.toml").read_text(encoding="utf-8"))

FEMALE = _LISTS["female"]
MALE = _LISTS["male"]
FAMILY = _LISTS["family"]
STREETS = _LISTS["streets"]
PLACES = _LISTS["places"]
PHYSICIANS = _LISTS["physicians"]  # as DICOM writes names: family^given^middle^prefix
