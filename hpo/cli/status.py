"""`hpo status`."""

import time

import click

EVERY = 2.0  # seconds


@click.command()
@click.argument("study", required=False)
@click.option("--json", "json_", is_flag=True, help="Print JSON: one study, or a list of all.")
@click.option("--watch", is_flag=True, help=f"Print anew every {EVERY:.0f} s until it is finished.")
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
                show_json(shown[0] if study else shown)
            elif study:
                show_study(statuses[0])
            else:
                show_studies(statuses)
            if not watch or all(one.state is StudyState.FINISHED for one in statuses):
                return
            time.sleep(EVERY)
