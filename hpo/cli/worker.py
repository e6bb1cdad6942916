"""`hpo worker`."""

import logging
import sys

import click

from hpo.device import one_thread_a_process


@click.command()
@click.argument("study", required=False)
@click.option("--with-parent", type=int, hidden=True, help="Stop when this parent process does.")
def worker(study: str | None, with_parent: int | None) -> None:
    """Work on STUDY until its budget is spent, or on each open study in turn.

    Start as many workers as there are cores, on any machine that reaches the database and has the
    study's data (HPO_DATA is the folder where a relative path to it starts). The first Ctrl-C or
    SIGTERM hands the trial back after its current step; the second one stops at once.

    \b
    Example:
      hpo worker svm
    """
    one_thread_a_process()
    from hpo.cli.database import open_database
    from hpo.cli.studies import import_code, objective_of
    from hpo.study import load, open_names
    from hpo.worker.loop import serve
    from hpo.worker.signals import on_stop_signal

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # each trial is a new graph: it warns
    with on_stop_signal(with_parent) as stop, open_database("worker") as database:
        names = [study] if study else open_names(database)
        if not names:
            click.echo("hpo: no study wants trials; store one with `hpo create FILE`", err=True)
        for name in names:
            if stop.requested:
                break
            stored = load(database, name)
            objective = objective_of(stored)
            import_code(objective.model)
            serve(stored, objective, stop)
    if stop.requested:
        raise KeyboardInterrupt
