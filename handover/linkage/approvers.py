"""Who may approve: names with the public keys of their own secrets."""

import os
from pathlib import Path

import msgspec

from schemas.problems import UnusableInputError


class ApproverError(UnusableInputError):
    """Somebody cannot approve; says why."""


def read(path: Path) -> dict[str, str]:
    """Public keys by name; nobody where there is no file.

    Raises:
        ApproverError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ApproverError(f"{path} is damaged; restore it from its backup") from None


def add(path: Path, name: str, public: str) -> None:
    """Takes somebody in.

    Raises:
        ApproverError: there is somebody of this name already.
    """
    known = read(path)
    if name in known:
        raise ApproverError(f"{name} can approve already; take another name, or remove the line in {path} and say so in the log")
    beside = path.with_name(path.name + ".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode({**known, name: public})) + b"\n")
        os.fsync(file.fileno())
    beside.replace(path)


def key_of(path: Path, name: str) -> str:
    """The public key of somebody.

    Raises:
        ApproverError: nobody of this name may approve.
    """
    known = read(path)
    if name not in known:
        raise ApproverError(f"nobody named {name!r} may approve; `nccid link approver` takes somebody in")
    return known[name]
