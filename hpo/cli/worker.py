"""`hpo worker`."""

import logging
import sys
from typing import TYPE_CHECKING

import click

from hpo.device import muted_stderr, one_thread_a_process
from hpo.errors import HpoError

if TYPE_CHECKING:
    from hpo.models import Model


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
    from hpo.cli.studies import objective_of
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
            _import_code(objective.model)
            serve(database, stored, objective, stop)
    if stop.requested:
        raise KeyboardInterrupt


def _import_code(model: "Model") -> None:
    """Import what trains, which is noisy, before the first trial needs it."""
    try:
        with muted_stderr():
            model.code  # noqa: B018 - imports it
    except ImportError as error:
        raise HpoError(f"{model.training} can't be imported: {error}") from error
