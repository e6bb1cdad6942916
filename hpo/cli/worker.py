"""`hpo worker`."""

import logging
import os
import sys

import click

from hpo.device import muted_stderr, one_thread_a_process

INTERRUPTED = 130


@click.command()
@click.argument("study", required=False)
@click.option("--with-parent", is_flag=True, hidden=True, help="Stop when the parent process does.")
def worker(study: str | None, with_parent: bool) -> None:
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
    from hpo.cli.studies import objective_of
    from hpo.study import load, open_names
    from hpo.worker.loop import serve
    from hpo.worker.signals import on_stop_signal

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # each trial is a new graph: it warns
    parent = os.getppid() if with_parent else None
    with on_stop_signal(parent) as stop, open_database("worker") as database:
        names = [study] if study else open_names(database)
        if not names:
            click.echo("hpo: no study wants trials; store one with `hpo create FILE`", err=True)
        for name in names:
            stored = load(database, name)
            objective = objective_of(stored)
            with muted_stderr():
                objective.model.code  # noqa: B018 - imports it, which is noisy
            serve(database, stored, objective, stop)
    if stop.requested:
        sys.exit(INTERRUPTED)
