"""The front door: the ``nccid`` command. Wiring only: the one file that knows every room.

Each command imports its rooms when it runs, so that it answers soon. Exit status: 0 done, 1 the answer is no or the work failed,
2 wrong usage or unusable input. With ``--json`` one JSON document goes to stdout and nothing else; all words go to stderr.
"""

import datetime as dt
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schemas.home import DEFAULT, ENVIRONMENT, Home
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.records import Kind

if TYPE_CHECKING:
    from local.demo import Parts
    from monitoring.quarantine import Held
    from monitoring.replay import Opener
    from monitoring.view import StatusView
    from schemas.kafka import KafkaSettings

Command = Callable[..., Any]

in_home = click.option(
    "--dir", "home", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT, envvar=ENVIRONMENT, show_default=True,
    callback=lambda _context, _parameter, value: Home(value), help="The home folder.",
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else.")
for_site = click.option("--site", "code", required=True, help="The site's code in sites.toml.")
KIND = click.Choice(["positive", "negative"])
FILE = click.Path(exists=True, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nccid-coverage")
def cli() -> None:
    """Which COVID chest images and clinical rows have arrived, which are missing, and whose turn it is."""


def main() -> None:
    """Runs the command line; known trouble becomes one message and an exit status, never a traceback."""
    try:
        cli()
    except UnusableInputError as error:
        _leave(2, error)
    except WorkFailedError as error:
        _leave(1, error)
    except OSError as error:
        _leave(1, f"{error.filename or 'something'} cannot be used: {error.strerror or type(error).__name__}")


def _leave(status: int, why: object) -> None:
    click.echo(f"nccid: {why}", err=True)
    sys.exit(status)


# --- a home, and its keys --------------------------------------------------------------------------------------------


@cli.command()
@in_home
@click.option(
    "--sites",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A registry; else the example of five invented sites.",
)
def init(home: Home, sites: Path | None) -> None:
    """Make a new home: keyring, rules.toml, sites.toml. Overwrites nothing."""
    from identity import keyring
    from local.homes import make_home
    from schemas import rules
    from schemas import sites as registry

    source = sites or registry.EXAMPLE
    registry.read_sites(source)
    make_home(home, source.read_text(encoding="utf-8"), rules.DEFAULT.read_text(encoding="utf-8"))
    keyring.create(home.keyring, _now())
    click.echo(
        f"{home.root} is ready. Keep a copy of {home.keyring} in a safe place: without it nothing can be joined.", err=True
    )


@cli.group()
def keys() -> None:
    """The keyring alone."""


@keys.command("init")
@in_home
def keys_init(home: Home) -> None:
    """Make a keyring where there is none. Overwrites nothing."""
    from identity import keyring

    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    keyring.create(home.keyring, _now())


@keys.command("rotate")
@in_home
def keys_rotate(home: Home) -> None:
    """Add a key for sealing; what older keys sealed can still be opened, pseudonyms stay as they are."""
    from identity import keyring

    click.echo(f"key {keyring.rotate(home.keyring, _now())} seals from the next start on", err=True)


@keys.command("list")
@in_home
def keys_list(home: Home) -> None:
    """The versions in the keyring, without any secret."""
    from identity import keyring

    for key in keyring.versions(home.keyring):
        click.echo(f"{key.version}\t{key.created_at.isoformat()}")


# --- at the hospital ---------------------------------------------------------------------------------------------------


@cli.command()
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


@cli.command()
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


@cli.command("send-images")
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


@cli.command()
@in_home
@for_site
def withdraw(home: Home, code: str) -> None:
    """Take out patients who opted out: NHS/CHI or hospital numbers, one a line on stdin."""
    from edge.door import open_door

    numbers = _lines_on_stdin()
    if not numbers:
        raise click.UsageError("give the numbers on stdin, one a line")
    with open_door(home, code) as door:
        answer = door.withdraw(numbers)
    click.echo(
        f"{answer.withdrawn} withdrawn; {answer.deleted} records of theirs were deleted here, the centre is told.", err=True
    )


# --- what is known -----------------------------------------------------------------------------------------------------


@cli.command()
@in_home
@as_json
@click.argument("numbers", nargs=-1)
def check(home: Home, numbers: tuple[str, ...], *, as_json: bool) -> None:
    """NHS/CHI Checker: is a patient collected, are data and images there? Numbers as arguments, or one a line on stdin."""
    from edge.checker import asked
    from monitoring.checker import Question, answers
    from monitoring.words import check_words

    typed = list(numbers) or _lines_on_stdin()
    if not typed:
        raise click.UsageError("give at least one NHS/CHI number, as an argument or on stdin")
    encoded = [Question(each.person, each.reason) for each in asked(typed, home)]
    found = answers(encoded, _status(home))
    click.echo(json.dumps({"results": [answer.as_json() for answer in found]}) if as_json else check_words(found))


@cli.command()
@in_home
@click.option("--site", "code", help="One site only.")
@as_json
def status(home: Home, code: str | None, *, as_json: bool) -> None:
    """Coverage per site."""
    from edge.door import site_of
    from monitoring.coverage import coverage
    from monitoring.words import coverage_table, show

    sites = coverage(_status(home))
    if code is not None:
        site_of(home, code)
        sites = {code: sites[code]} if code in sites else {}
    if as_json:
        click.echo(json.dumps({"sites": {each: counted.as_json() for each, counted in sites.items()}}))
    else:
        show(coverage_table(sites))


@cli.command()
@in_home
@for_site
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to write the copy.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def chase(home: Home, code: str, file: Path, output: Path, *, force: bool) -> None:
    """A copy of a site's workbook, each row marked with what is missing and whose turn it is."""
    from edge.chasing.chase import Known, ask, chase_words, refuse_output, write_marked
    from edge.door import site_of
    from edge.words import waiting
    from identity import keyring
    from identity.pseudonyms import Pseudonymiser
    from schemas.rules import read_rules

    site, rules = site_of(home, code), read_rules(home.rules).at(code)
    pseudonymiser = Pseudonymiser(keyring.load(home.keyring))
    refuse_output(file, output, overwrite=force)
    with waiting("checking") as progress:
        asked = ask(file, site, pseudonymiser, _now().date(), progress)
    view = _status(home)
    patients = {patient: found for patient in asked.patients if (found := view.patient(patient)) is not None}
    persons = {person: view.person(person) for person in asked.persons}
    known = Known(patients, persons, list(view.studies_without_row(code)))
    click.echo(chase_words(write_marked(asked, output, known, rules, _now(), overwrite=force), output), err=True)


@cli.command()
@in_home
@as_json
@click.option(
    "--wait",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds for which something may still be on its way.",
)
def audit(home: Home, wait: float, *, as_json: bool) -> None:
    """Prove that in = out + quarantined, that every status follows, and that no topic holds an identifier."""
    from local.homes import require_home
    from monitoring.audit import run_audit
    from monitoring.audit_words import audit_table, verdict_words, waiting_words
    from monitoring.words import show
    from schemas.rules import read_rules
    from schemas.sites import read_sites
    from streams.topology import TOPOLOGY

    kafka = _running(require_home(home))
    rules, sites = read_rules(home.rules), read_sites(home.sites)
    verdict = run_audit(kafka, TOPOLOGY, rules, sites, _now, wait=wait, waiting=lambda n: click.echo(waiting_words(n), err=True))
    if as_json:
        click.echo(json.dumps(verdict.as_json()))
    else:
        show(audit_table(verdict))
        click.echo(verdict_words(verdict))
    sys.exit(0 if verdict.ok else 1)


@cli.group()
def quarantine() -> None:
    """What could not be used: why, and what to do with it."""


IDS = click.argument("ids", nargs=-1)
ALL = click.option("--all", "everything", is_flag=True, help="All that is in quarantine.")


@quarantine.command("list")
@in_home
@click.option("--reason", help="Only those of this reason.")
@as_json
def quarantine_list(home: Home, reason: str | None, *, as_json: bool) -> None:
    """What is in quarantine, and how much of it for which reason."""
    from monitoring.quarantine import chosen_by
    from monitoring.quarantine_words import list_json, quarantine_table, reasons_table
    from monitoring.words import show

    held = chosen_by(_held(home), reason=reason, everything=reason is None)
    click.echo(list_json(held)) if as_json else show(quarantine_table(held), reasons_table(held))


@quarantine.command("show")
@in_home
@as_json
@click.argument("id_", metavar="ID")
def quarantine_show(home: Home, id_: str, *, as_json: bool) -> None:
    """Everything of one record; what is sealed stays sealed."""
    from monitoring.quarantine import chosen_by
    from monitoring.quarantine_words import show_words

    (held,) = chosen_by(_held(home), [id_])
    click.echo(json.dumps(held.in_full()) if as_json else show_words(held))


@quarantine.command("replay")
@in_home
@click.option("--reason", help="All of this reason.")
@ALL
@as_json
@IDS
def quarantine_replay(home: Home, ids: tuple[str, ...], reason: str | None, *, everything: bool, as_json: bool) -> None:
    """Put records on their topics again, once the cause is gone. Doing it twice does no harm."""
    from monitoring.quarantine import chosen_by
    from monitoring.quarantine_words import replay_words
    from monitoring.replay import replay

    _one_of(ids, reason, everything, "give the IDs to replay, or --reason, or --all")
    done = replay(_running(home), chosen_by(_held(home), ids, reason=reason, everything=everything), _opener(home))
    click.echo(json.dumps({"records": [each.as_json() for each in done]})) if as_json else click.echo(
        replay_words(done), err=True
    )
    sys.exit(1 if any(each.why_not is not None and (ids or each.needed) for each in done) else 0)


@quarantine.command("purge")
@in_home
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="All that were quarantined before this day (UTC).")
@ALL
@click.option("--yes", is_flag=True, help="Really do it.")
@as_json
@IDS
def quarantine_purge(  # what is meant, and whether it is meant
    home: Home, ids: tuple[str, ...], before: dt.datetime | None, *, everything: bool, yes: bool, as_json: bool
) -> None:
    """Let go of records: their payloads cannot be shown or replayed any more."""
    from monitoring.purge import purge
    from monitoring.quarantine import chosen_by
    from monitoring.quarantine_words import purge_words

    _one_of(ids, before, everything, "give the IDs to purge, or --before, or --all")
    day = before.replace(tzinfo=dt.UTC) if before else None
    chosen = chosen_by(_held(home), ids, before=day, everything=everything)
    if not yes:
        raise click.UsageError(f"{len(chosen)} would be purged, and could not be replayed any more; say --yes to do it")
    done = purge(_running(home), chosen, _now())
    click.echo(json.dumps(done.as_json())) if as_json else click.echo(purge_words(done), err=True)


# --- running -----------------------------------------------------------------------------------------------------------


@cli.command()
@in_home
@click.option("--bootstrap", help="HOST:PORT of a Kafka cluster; without it an embedded broker is started.")
@click.option("--broker-port", default=19092, show_default=True, help="Port of the embedded broker; 0 = any free one.")
def up(home: Home, bootstrap: str | None, broker_port: int) -> None:
    """Everything on this machine, until Ctrl-C or SIGTERM."""
    from identity import keyring
    from local.homes import require_home
    from local.up import Up
    from schemas.rules import read_rules
    from schemas.sites import read_sites
    from streams.admin import ensure_topics
    from streams.topology import TOPOLOGY

    _log_to_stderr()
    require_home(home)
    keyring.load(home.keyring)
    read_sites(home.sites)
    read_rules(home.rules)
    cluster = _kafka({**os.environ, "NCCID_BOOTSTRAP": bootstrap}) if bootstrap else None
    Up(home, cluster, broker_port, TOPOLOGY.workers, ensure_topics).run()


@cli.command()
@in_home
@click.option("--step", "steps", multiple=True, help="Run only this step of the topology; may be repeated.")
def worker(home: Home, steps: tuple[str, ...]) -> None:
    """One worker of the streams, configured by NCCID_* variables."""
    from local.children import say_ready
    from streams.limits import limit_from
    from streams.settings import WorkerSettings
    from streams.topology import TOPOLOGY
    from streams.worker import run_worker

    _log_to_stderr()
    known = tuple(step.name for step in TOPOLOGY.steps)
    if unknown := set(steps) - set(known):
        raise click.BadParameter(f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(known)}", param_hint="--step")
    embedded = os.environ.get("NCCID_EMBEDDED") == "1"
    run_id = os.environ.get("NCCID_RUN_ID", "")
    limit = limit_from(os.environ)
    settings = WorkerSettings(home, _kafka(os.environ), steps or known, embedded, run_id, quarantine_limit=limit)
    run_worker(settings, when_ready=say_ready)


@cli.command()
@in_home
def sender(home: Home) -> None:
    """Carry what the edge took in from the outbox to the broker, configured by NCCID_* variables."""
    from edge.door import run_sender
    from local.children import say_ready

    _log_to_stderr()
    run_sender(home, _kafka(os.environ), when_ready=say_ready)


# --- invented sites ------------------------------------------------------------------------------------------------------


@cli.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="An empty or new folder.")
@click.option("--seed", default=1, show_default=True)
@click.option("--patients", default=200, show_default=True, type=click.IntRange(min=1))
def synth(out: Path, seed: int, patients: int) -> None:
    """Invented sites: spreadsheets, DICOM files, opt-outs, rules, and the truth they should reconcile to."""
    from schemas.sites import EXAMPLE, read_sites
    from synth.files import write_world
    from synth.world import make_world

    if out.exists() and any(out.iterdir()):
        raise UnusableInputError(f"{out} is not empty; choose another --out, nothing was changed")
    write_world(make_world(seed, patients, read_sites(EXAMPLE), _now().date()), out)


@cli.command()
@click.option("--once", is_flag=True, help="End when reconciled; exit 0 only when the outcome equals the truth.")
@click.option(
    "--dir", "directory", type=click.Path(file_okay=False, path_type=Path), help="Where to put it; else a temporary folder."
)
@click.option("--seed", default=1, show_default=True)
@click.option("--patients", default=200, show_default=True, type=click.IntRange(min=1))
def demo(directory: Path | None, seed: int, patients: int, *, once: bool) -> None:
    """Everything on this machine, with invented sites that send over about a minute."""
    from rich.console import Console

    from local.demo import run_demo

    sys.exit(
        run_demo(_demo_parts(seed, patients), directory, once=once, console=Console(width=None if sys.stdout.isatty() else 200))
    )


def _demo_parts(seed: int, patients: int) -> "Parts":
    from edge.checker import asked
    from edge.door import open_door
    from identity import keyring
    from local.demo import Parts
    from local.homes import make_home
    from monitoring.checker import Question, answers
    from monitoring.coverage import coverage
    from monitoring.follow import Follower
    from schemas import sites
    from synth.compare import differences
    from synth.deadlines import LONGEST
    from synth.files import write_world
    from synth.world import make_world

    def new_home(home: Home, world: Path) -> None:
        registry, rules = (world / name for name in ("sites.toml", "rules.toml"))
        make_home(home, registry.read_text(encoding="utf-8"), rules.read_text(encoding="utf-8"))
        keyring.create(home.keyring, _now())

    def deliver(home: Home, code: str, kind: str, path: Path) -> None:
        with open_door(home, code) as door:
            if kind == "images":
                door.send_images([path])
            elif kind == "withdraw":
                door.withdraw(path.read_text(encoding="utf-8").splitlines())
            elif not (answer := door.upload(path, kind)).accepted:  # type: ignore[arg-type]  # one of the two kinds
                raise WorkFailedError(f"{path} was refused: {answer.errors[0].problem}")

    def compare(home: Home, truth: Mapping[str, Any]) -> list[str]:
        view = _status(home)
        numbers = list(truth["people"])
        found = answers([Question(each.person, each.reason) for each in asked(numbers, home)], view)
        counted = {code: site.as_json() for code, site in coverage(view).items()}
        return differences(truth, {"sites": counted}, {n: a.as_json() for n, a in zip(numbers, found, strict=True)})

    return Parts(
        make_world=lambda out: write_world(make_world(seed, patients, sites.read_sites(sites.EXAMPLE), _now().date()), out),
        make_home=new_home,
        deliver=deliver,
        watch=lambda home: Follower(_running(home)),
        differences=compare,
        longest_wait=LONGEST.total_seconds(),
    )


# --- what the commands share ---------------------------------------------------------------------------------------------


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _kafka(environment: Mapping[str, str]) -> "KafkaSettings":
    from schemas.kafka import from_environment

    return from_environment(environment)


def _running(home: Home) -> "KafkaSettings":
    """The broker of the set-up that runs on this home, or the one that the environment names."""
    from local.running import find_running
    from schemas.kafka import VARIABLES

    environment = dict(os.environ)
    if running := find_running(home):
        if running.embedded:  # plain, on loopback, whatever the environment says of another cluster
            return _kafka({VARIABLES["bootstrap"]: running.bootstrap})
        environment[VARIABLES["bootstrap"]] = running.bootstrap
    if VARIABLES["bootstrap"] not in environment:
        raise WorkFailedError(
            f"nothing runs on {home.root}, so the status cannot be had; start it with: nccid up --dir {home.root}"
        )
    return _kafka(environment)


def _status(home: Home) -> "StatusView":
    from local.homes import require_home
    from monitoring.reading import read_status

    return read_status(_running(require_home(home)))


def _held(home: Home) -> "list[Held]":
    from local.homes import require_home
    from monitoring.purge import read_quarantine

    return read_quarantine(_running(require_home(home))).held()


def _one_of(ids: tuple[str, ...], some: object, everything: bool, words: str) -> None:  # noqa: FBT001  # a flag as it was given
    if sum(map(bool, (ids, some, everything))) != 1:
        raise click.UsageError(f"{words}; one of them")


def _opener(home: Home) -> "Opener | None":
    """Opens sealed payloads, where the keyring is."""
    from identity import keyring
    from identity.seal import Sealer

    return Sealer(keyring.load(home.keyring)).open_payload if home.keyring.exists() else None


def _lines_on_stdin() -> list[str]:
    return [] if sys.stdin.isatty() else [line.strip() for line in sys.stdin if line.strip()]


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for noisy in ("faust", "mode", "aiokafka", "kafka"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
