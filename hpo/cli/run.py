"""`hpo run`."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpo.device import cores, use_one_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from hpo.study import Status
    from hpo.worker.local import LocalWorkers


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=cores,
    show_default="one per core",
    help="Processes to start, each with one thread.",
)
@click.option("--no-dashboard", is_flag=True, help="Show the study only in the terminal.")
def run(file: Path, workers: int, no_dashboard: bool) -> None:
    """Create the study that FILE defines and run it with workers on this machine.

    A dashboard runs until it ends: its link is printed as soon as it answers.

    Ctrl-C hands running trials back after their current steps; a second `hpo run` goes on where
    the first one stopped. A worker that crashes is started again, some seconds later.

    \b
    Example:
      hpo run studies/svm.toml --workers 2
    """
    use_one_thread()
    from hpo.cli.database import open_database
    from hpo.cli.progress import follow, say_finishing
    from hpo.cli.show import show_study
    from hpo.cli.studies import create_study
    from hpo.cost import cost
    from hpo.home import home
    from hpo.study import status
    from hpo.worker.local import local_workers
    from hpo.worker.signals import interrupt_on_stop_signals
    from hpo.worker.slots import plain_slots

    interrupt_on_stop_signals()
    with open_database("run", create=True) as database:
        stored = create_study(database, file)
        _require_open(status(stored))
        name = stored.definition.name
        logs = home() / "logs" / name
        with (
            local_workers(name, plain_slots(workers), logs, say_finishing) as started,
            _dashboard(name, logs / "dashboard.log", wanted=not no_dashboard) as news,
        ):
            _try_artifacts()
            last = follow(lambda: status(stored), started, news)
        show_study(last, cost(stored.definition, stored.study.get_trials(deepcopy=False)))
        _result(last, started)


def _require_open(now: "Status") -> None:
    from hpo.cli.show import stopped
    from hpo.errors import StudyError
    from hpo.study import StudyState

    if now.state is StudyState.STOPPED:
        raise StudyError(stopped(now))


def _try_artifacts() -> None:
    """Warn if the artifact store can't be used: the workers would say so only in their logs."""
    from hpo.artifacts import open_artifacts
    from hpo.errors import ArtifactError

    try:
        open_artifacts().try_out()
    except ArtifactError as error:
        click.echo(f"hpo: {error}: models and checkpoints are not saved", err=True)


def _dashboard(
    study: str, log: Path, *, wanted: bool
) -> "AbstractContextManager[Callable[[], str | None]]":
    from hpo.dashboard.child import dashboard_beside

    return dashboard_beside(study, log) if wanted else nullcontext(lambda: None)


def _result(last: "Status", workers: "LocalWorkers") -> None:
    """Raise an error if the study was stopped, has no result, or lost all of its workers."""
    from hpo.cli.show import stopped
    from hpo.errors import HpoError
    from hpo.study import StudyState

    if last.state is StudyState.STOPPED:
        raise HpoError(stopped(last))
    if last.state is not StudyState.FINISHED:
        raise workers.early_end()
    if last.best is None:
        raise HpoError(f"no trial has climbed all the way: {last.error or 'all were pruned'}")
