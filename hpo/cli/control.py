"""`hpo pause`, `hpo resume`, `hpo stop` and `hpo cancel`."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hpo.study import Want


@click.command()
@click.argument("study")
def pause(study: str) -> None:
    """Let all workers hand back their trials of STUDY after their current steps, and wait.

    \b
    Example:
      hpo pause svm
    """
    from hpo.study import Want

    _tell(study, Want.PAUSE)


@click.command()
@click.argument("study")
def resume(study: str) -> None:
    """Let STUDY go on that was paused, stopped or cancelled; start workers if they have left.

    \b
    Example:
      hpo resume svm
    """
    from hpo.study import Want

    _tell(study, Want.RUN)


@click.command()
@click.argument("study")
def stop(study: str) -> None:
    """Begin no more trials of STUDY; those that run go on to their ends, then its workers leave.

    \b
    Example:
      hpo stop svm
    """
    from hpo.study import Want

    _tell(study, Want.STOP)


@click.command()
@click.argument("study")
def cancel(study: str) -> None:
    """End the running trials of STUDY after their current steps, as pruned; its workers leave.

    \b
    Example:
      hpo cancel svm
    """
    from hpo.study import Want

    _tell(study, Want.CANCEL)


def _tell(study: str, want: "Want") -> None:
    from hpo.cli.database import open_database
    from hpo.study import set_control

    with open_database("control") as database:
        before = set_control(database, study, want)
    click.echo(f"{study}: {want}, was {before.want}")
