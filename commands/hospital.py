"""At the hospital: templates, uploads, images, withdrawals."""

import sys
from pathlib import Path

import click

from commands.shared import FILE, KIND, as_json, for_site, in_home, lines_on_stdin
from schemas.home import Home
from schemas.problems import UnusableInputError
from schemas.records import Kind


@click.command()
@click.argument("kind", type=KIND)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to write it.")
def template(kind: Kind, output: Path) -> None:
    """An empty spreadsheet template."""
    from edge.spreadsheets.template import write_template

    try:
        write_template(kind, output)
    except FileExistsError:
        raise UnusableInputError(f"{output} is there already; choose another name, nothing was changed") from None
    except OSError as error:
        raise UnusableInputError(f"{output} cannot be written: {error.strerror}") from None


@click.command()
@in_home
@for_site
@click.option("--kind", type=KIND, required=True, help="Which sheet it is.")
@click.option("--dry-run", is_flag=True, help="Check only; send nothing.")
@as_json
@click.argument("file", type=FILE)
def upload(home: Home, code: str, kind: Kind, file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Check a spreadsheet and, when it has no error, send its rows."""
    from edge.door import open_door
    from edge.words import answer_json, upload_words, waiting

    with open_door(home, code) as door, waiting("checking") as progress:
        answer = door.upload(file, kind, dry_run=dry_run, progress=progress)
    click.echo(answer_json(answer)) if as_json else click.echo(upload_words(answer, file, dry_run=dry_run), err=True)
    sys.exit(0 if answer.accepted else 1)


@click.command("send-images")
@in_home
@for_site
@as_json
@click.argument("paths", nargs=-1, required=True, type=FILE)
def send_images(home: Home, code: str, paths: tuple[Path, ...], *, as_json: bool) -> None:
    """Send DICOM files or folders, without a PACS."""
    from edge.door import open_door
    from edge.words import answer_json, images_words, waiting

    with open_door(home, code) as door, waiting("reading") as progress:
        answer = door.send_images(paths, progress=progress)
    click.echo(answer_json(answer)) if as_json else click.echo(images_words(answer), err=True)
    sys.exit(1 if answer.failed else 0)


@click.command()
@in_home
@for_site
def withdraw(home: Home, code: str) -> None:
    """Take out patients who opted out: NHS/CHI or hospital numbers, one a line on stdin."""
    from edge.door import open_door

    numbers = lines_on_stdin()
    if not numbers:
        raise click.UsageError("give the numbers on stdin, one a line")
    with open_door(home, code) as door:
        answer = door.withdraw(numbers)
    click.echo(
        f"{answer.withdrawn} withdrawn; {answer.deleted} records of theirs were deleted here, the centre is told.", err=True
    )
