"""What is known: the Checker, coverage, the chase list."""

import json
from pathlib import Path

import click

from commands.shared import as_json, current_status, for_site, in_home, lines_on_stdin, now, running_cluster
from schemas.home import Home


@click.command()
@in_home
@as_json
@click.argument("numbers", nargs=-1)
def check(home: Home, numbers: tuple[str, ...], *, as_json: bool) -> None:
    """NHS/CHI Checker: is a patient collected, are data and images there? Numbers as arguments, or one a line on stdin."""
    from edge.checker import asked
    from monitoring.checker import Question, answers
    from monitoring.words import check_words

    typed = list(numbers) or lines_on_stdin()
    if not typed:
        raise click.UsageError("give at least one NHS/CHI number, as an argument or on stdin")
    encoded = [Question(each.person, each.reason) for each in asked(typed, home)]
    found = answers(encoded, current_status(home))
    click.echo(json.dumps({"results": [answer.as_json() for answer in found]}) if as_json else check_words(found))


@click.command()
@in_home
@click.option("--site", "code", help="One site only.")
@as_json
def status(home: Home, code: str | None, *, as_json: bool) -> None:
    """Coverage per site."""
    from edge.door import site_of
    from monitoring.coverage import coverage
    from monitoring.words import coverage_table, show

    sites = coverage(current_status(home))
    if code is not None:
        site_of(home, code)
        sites = {code: sites[code]} if code in sites else {}
    if as_json:
        click.echo(json.dumps({"sites": {each: counted.as_json() for each, counted in sites.items()}}))
    else:
        show(coverage_table(sites))


@click.command()
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
        asked = ask(file, site, pseudonymiser, now().date(), progress)
    view = current_status(home)
    patients = {patient: found for patient in asked.patients if (found := view.patient(patient)) is not None}
    persons = {person: view.person(person) for person in asked.persons}
    known = Known(patients, persons, list(view.studies_without_row(code)))
    click.echo(chase_words(write_marked(asked, output, known, rules, now(), overwrite=force), output), err=True)


@click.command()
@in_home
@click.option("--site", "code", help="One site only.")
@click.option("--state", type=click.Choice(["open", "resolved", "all"]), default="open", show_default=True)
@as_json
@click.argument("alert_id", required=False, metavar="[ID]")
def alerts(home: Home, code: str | None, state: str, alert_id: str | None, *, as_json: bool) -> None:
    """What somebody has to do, patient by patient and site by site; with an ID, that alert and its whole history."""
    from local.homes import require_home
    from monitoring import alerts as told
    from monitoring.words import show

    known = told.read_alerts(running_cluster(require_home(home)))
    if alert_id is not None:
        one = known.one(alert_id)
        click.echo(json.dumps(told.as_json([one])[0]) if as_json else told.history_words(one))
        return
    chosen = known.chosen(site=code, state=None if state == "all" else state)  # type: ignore[arg-type]  # one of the two
    click.echo(json.dumps({"alerts": told.as_json(chosen)})) if as_json else show(told.alerts_table(chosen))
