"""`hpo status`."""

import sys
import time
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from hpo.errors import DefinitionError, StudyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hpo.storage.database import Database
    from hpo.study import Status

EVERY = 2.0  # seconds


@click.command()
@click.argument("study", required=False)
@click.option(
    "--json",
    "json_",
    is_flag=True,
    help="Print JSON: one study, or a list of all; with --watch each in one line.",
)
@click.option(
    "--watch", is_flag=True, help=f"Print again every {EVERY:.0f} s until it is finished."
)
def status(study: str | None, json_: bool, watch: bool) -> None:
    """Show STUDY, or all studies.

    While the database is away, --watch waits for it.

    \b
    Example:
      hpo status svm --json
    """
    from hpo.cli.database import open_database
    from hpo.cli.show import as_json, show_json, show_studies, show_study
    from hpo.study import study_names

    with open_database("status") as database:
        read = partial(_read, database, study)
        for number, statuses in enumerate(_watched(read) if watch else [read()]):
            if json_:
                shown = [as_json(one) for one in statuses]
                show_json(shown[0] if study else shown, in_one_line=watch)
                continue
            if number > 0:
                _part_from_last()
            if study:
                show_study(statuses[0])
            elif statuses:
                show_studies(statuses)
            elif not study_names(database):
                click.echo(f"no studies in {database.address}")


def _read(database: "Database", study: str | None) -> "list[Status]":
    """Return the study, or all; of those that can't be shown here, print why."""
    from hpo.study import load_study, status, study_names

    if study:
        return [status(load_study(database, study))]
    found = []
    for name in study_names(database):
        try:
            found.append(status(load_study(database, name)))
        # Another version created it, its model is not here, or it was deleted meanwhile.
        except (DefinitionError, StudyError) as error:
            click.echo(f"hpo: {error}", err=True)
    return found


def _watched(read: "Callable[[], list[Status]]") -> "Iterator[list[Status]]":
    """Yield what is read, again and again, until all studies are finished."""
    from hpo.cli.progress import patient
    from hpo.study import StudyState

    waiting = patient(read, lambda told: click.echo(told, err=True))
    while True:
        statuses = waiting()
        if statuses is not None:
            yield statuses
            if all(one.state is StudyState.FINISHED for one in statuses):
                return
        time.sleep(EVERY)


def _part_from_last() -> None:
    """Clear a terminal's screen; where lines are kept, say when the next ones were printed."""
    if sys.stdout.isatty():
        click.clear()
    else:
        click.echo(f"\n{datetime.now():%H:%M:%S}")
