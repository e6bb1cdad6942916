"""`hpo status`."""

import sys
import time
from datetime import datetime

import click

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
    from hpo.study import StudyState, load, names
    from hpo.study import status as status_of

    with open_database("status") as database:
        while True:
            chosen = [study] if study else names(database)
            statuses = [status_of(load(database, name)) for name in chosen]
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


def _part_from_next() -> None:
    """Clear a terminal's screen; where lines are kept, say when the next ones were printed."""
    if sys.stdout.isatty():
        click.clear()
    else:
        click.echo(f"\n{datetime.now():%H:%M:%S}")
