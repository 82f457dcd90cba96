"""National linkage for the controller: a request, a second person's approval, and the opening."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.shared import as_json, in_home, lines_on_stdin, now, running_cluster
from schemas.home import Home
from schemas.problems import UnusableInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from handover.linkage.opening import Files

_OUT = click.Path(dir_okay=False, path_type=Path)
_IN = click.Path(exists=True, dir_okay=False, path_type=Path)
_passphrase = click.option("--passphrase-file", type=_IN, help="Where the passphrase stands; else it is asked for.")
_output = click.option("-o", "--output", type=_OUT, required=True, help="A new file.")


@click.group()
def link() -> None:
    """Open the NHS/CHI numbers of some pseudonyms, for linking with national data: the controller's alone."""


@link.command("approver")
@in_home
@click.argument("name")
@_output
@_passphrase
def link_approver(home: Home, name: str, output: Path, passphrase_file: Path | None) -> None:
    """Make a key for somebody who may approve. The file is theirs; the home keeps the public half."""
    from handover.linkage import approvers, log
    from identity.approval import new_key
    from local.homes import require_home

    files, name = _files(require_home(home)), " ".join(name.split())
    if name in approvers.read(files.approvers):
        raise UnusableInputError(f"{name} can approve already; take another name")
    private, public = new_key(_secret(passphrase_file, "A passphrase for this key", confirm=True))
    _write_new(output, private)
    head = log.append(files.log, now(), "approver-added", name, {"key": public})
    approvers.add(files.approvers, name, public)
    click.echo(f"{name} may approve now, with {output} and its passphrase. Log head: {head}", err=True)


@link.command("recipient")
@_output
@_passphrase
def link_recipient(output: Path, passphrase_file: Path | None) -> None:
    """Make a key pair for somebody who is to receive numbers; the public half is printed."""
    from identity.envelope import new_recipient

    private, public = new_recipient(_secret(passphrase_file, "A passphrase for this key", confirm=True))
    _write_new(output, private)
    click.echo(public)


@link.command("request")
@click.option("--by", required=True, help="Who asks.")
@click.option("--reason", required=True, help="Why; somebody else will judge it.")
@_output
def link_request(by: str, reason: str, output: Path) -> None:
    """Write a request for the pseudonyms on standard input, one a line."""
    from handover.linkage import request

    made = request.make(lines_on_stdin(), by, reason, now())
    _write_new(output, request.encoded(made))
    click.echo(f"{output} asks for {len(made.patients)} patients; have it approved. Digest: {made.digest}", err=True)


@link.command("approve")
@click.argument("file", type=_IN)
@click.option("--by", required=True, help="Who approves, by the name that the home knows.")
@click.option("--key", type=_IN, required=True, help="Their key.")
@_passphrase
def link_approve(file: Path, by: str, key: Path, passphrase_file: Path | None) -> None:
    """Approve a request: prints a token that is good for this request alone. Needs no home."""
    from handover.linkage import request
    from identity.approval import approve

    asked = request.read(file)
    request.require_fresh(asked, now())
    click.echo(f"{asked.by} asks for {len(asked.patients)} patients, because: {asked.reason}", err=True)
    token = approve(key.read_bytes(), _secret(passphrase_file, "Passphrase of your key"), " ".join(by.split()), asked.digest)
    click.echo(token)


@link.command("open")
@in_home
@click.argument("file", type=_IN)
@click.option("--approved-by", required=True, help="Who approved.")
@click.option("--token", required=True, help="What `nccid link approve` printed.")
@click.option("--to", "recipient", help="The recipient's public key; without it, a passphrase closes the file.")
@_output
@_passphrase
@as_json
def link_open(  # noqa: PLR0913  # two people, a request, a recipient
    home: Home,
    file: Path,
    approved_by: str,
    token: str,
    recipient: str | None,
    output: Path,
    passphrase_file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Open what was approved, into a file for the recipient alone."""
    from handover.linkage import request
    from handover.linkage.opening import Sealed, open_request, require_approved
    from handover.reading import read_plan, read_rows
    from identity import keyring
    from identity.seal import LinkageOpener
    from local.homes import require_home
    from schemas.rules import read_rules

    files, asked, approver = _files(require_home(home)), request.read(file), " ".join(approved_by.split())
    require_approved(asked, approver, token, files, now())
    opener = LinkageOpener(keyring.load(home.keyring))
    if output.exists():
        raise UnusableInputError(f"{output} exists; nothing was opened")
    close = _closing(recipient, passphrase_file)
    kafka = running_cluster(home)
    plan, sealed = read_plan(kafka, read_rules(home.rules)), Sealed(asked)
    read_rows(kafka, sealed.take)

    def has_opted_out(patient: str) -> bool:
        return plan.has_opted_out(patient, sealed.person(patient))

    opened, content = open_request(asked, approver, sealed.numbers(), has_opted_out, opener, close, files, now())
    _write_new(output, content)
    words = (
        f"{opened.linked} of {opened.asked} numbers are in {output}, for its recipient alone; {opened.withdrawn} have opted out, "
        f"{opened.without_number} have no number. Note down the log's head: {opened.head}"
    )
    click.echo(json.dumps(opened.as_json())) if as_json else click.echo(words, err=True)


@link.command("read")
@click.argument("file", type=_IN)
@click.option("--key", type=_IN, help="The recipient's key; without it, a passphrase.")
@_passphrase
@click.option("-o", "--output", type=_OUT, required=True, help="A new file, for your eyes only.")
def link_read(file: Path, key: Path | None, passphrase_file: Path | None, output: Path) -> None:
    """For the recipient: write what is in the encrypted file. Needs no home."""
    from identity.envelope import open_with_key, open_with_passphrase

    passphrase = _secret(passphrase_file, "Passphrase")
    envelope = file.read_bytes()
    content = open_with_key(envelope, key.read_bytes(), passphrase) if key else open_with_passphrase(envelope, passphrase)
    _write_new(output, content)
    click.echo(f"{output} holds numbers in clear; only you can read it. Delete it when it is no longer needed.", err=True)


@link.command("log")
@in_home
@as_json
def link_log(home: Home, *, as_json: bool) -> None:
    """What was done, and that nobody has changed what was written of it."""
    from handover.linkage import log
    from local.homes import require_home
    from schemas.coverage import as_builtins

    files = _files(require_home(home))
    deeds = log.read(files.log)
    if as_json:
        click.echo(json.dumps({"head": log.head(files.log), "deeds": [as_builtins(deed) for deed in deeds]}))  # type: ignore[arg-type]  # any record
        return
    for deed in deeds:
        click.echo(f"{deed.at:%Y-%m-%d %H:%M} UTC  {deed.what}  {deed.who}  {json.dumps(deed.details)}")
    click.echo(f"{len(deeds)} lines, none changed. Head: {log.head(files.log)}", err=True)


def _files(home: Home) -> "Files":
    from handover.linkage.opening import Files

    return Files(home.root / "data" / "linkage-log.jsonl", home.root / "linkage-approvers.json")


def _closing(recipient: str | None, passphrase_file: Path | None) -> "Callable[[bytes], bytes]":
    """Encrypts for the recipient; what cannot be used is refused before anything is opened."""
    from identity.approval import require_passphrase
    from identity.envelope import close_to, close_with_passphrase

    if recipient is not None:
        close_to(b"", recipient)
        return lambda content: close_to(content, recipient)
    passphrase = _secret(passphrase_file, "A passphrase for the recipient", confirm=True)
    require_passphrase(passphrase)
    return lambda content: close_with_passphrase(content, passphrase)


def _secret(file: Path | None, words: str, *, confirm: bool = False) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").strip("\n")
    typed: str = click.prompt(words, hide_input=True, confirmation_prompt=confirm, err=True)
    return typed


def _write_new(path: Path, content: bytes) -> None:
    """A file that only its owner can read, and that was not there before."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UnusableInputError(f"{path} exists; choose another name, nothing was written") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
