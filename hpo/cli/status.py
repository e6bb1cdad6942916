"""`hpo status`."""

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

import click

from hpo.errors import InputError

if TYPE_CHECKING:
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

    \b
    Example:
      hpo status svm --json
    """
    from hpo.cli.database import open_database
    from hpo.cli.show import as_json, show_json, show_studies, show_study
    from hpo.study import StudyState, load
    from hpo.study import status as status_of

    with open_database("status") as database:
        while True:
            statuses = [status_of(load(database, study))] if study else _all(database)
            if json_:
                shown = [as_json(one) for one in statuses]
                show_json(shown[0] if study else shown, in_one_line=watch)
            elif study:
                show_study(statuses[0])
            else:
                show_studies(statuses, database.address)
            if not watch or all(one.state is StudyState.FINISHED for one in statuses):
                return
            time.sleep(EVERY)
            if not json_:
                _part_from_next()


def _all(database: "Database") -> "list[Status]":
    """Give all studies but those that can't be shown here; it says why, and shows the others."""
    from hpo.study import load, names
    from hpo.study import status as status_of

    found = []
    for name in names(database):
        try:
            found.append(status_of(load(database, name)))
        except InputError as error:  # another version made it, its model is not here, it is deleted
            click.echo(f"hpo: {error}", err=True)
    return found


def _part_from_next() -> None:
    """Clear a terminal's screen; where lines are kept, say when the next ones were printed."""
    if sys.stdout.isatty():
        click.clear()
    else:
        click.echo(f"\n{datetime.now():%H:%M:%S}")
