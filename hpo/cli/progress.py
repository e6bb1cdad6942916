"""Showing a study's progress while local workers run it."""

import time
from collections.abc import Callable
from typing import TypeVar

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from hpo.errors import DatabaseAway
from hpo.storage.failures import database_errors
from hpo.storage.retrying import PATIENCE
from hpo.study import Status, StudyState, Want
from hpo.wording import duration
from hpo.worker.local import LocalWorkers
from hpo.worker.signals import FINISHING, LOOK

EVERY = 0.5  # seconds, on a terminal
EVERY_LINE = 5.0  # seconds, where output goes to a file or a pipe

T = TypeVar("T")


def say_finishing() -> None:
    """Print that the workers finish their current steps, and what another Ctrl-C does."""
    click.echo(f"\n{FINISHING}", err=True)


def follow(
    read: Callable[[], Status], workers: LocalWorkers, news: Callable[[], str | None]
) -> Status:
    """Show a study's progress and poll its workers until it is finished or no worker is left.

    News in between is printed, too.
    """
    console = Console(stderr=True, highlight=False)

    def tell(told: str) -> None:
        console.print(told, soft_wrap=True, markup=False)

    def poll() -> bool:
        if told := news():
            tell(told)
        return workers.poll()

    waiting = patient(read, tell)
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            return _watch(waiting, poll, lambda s: live.update(_line(s), refresh=True), EVERY)
    return _watch(waiting, poll, lambda s: console.print(_line(s), soft_wrap=True), EVERY_LINE)


def patient(read: Callable[[], T], tell: Callable[[str], None]) -> Callable[[], T | None]:
    """Wrap `read` so that it returns None while the database is away, as the workers wait, too.

    The wrapper raises DatabaseAway when that has lasted as long as workers wait.
    """
    away_since: float | None = None

    def once() -> T | None:
        nonlocal away_since
        try:
            with database_errors():
                found = read()
        except DatabaseAway as error:
            if away_since is None:
                away_since = time.monotonic()
                tell(f"{error}; waiting for it")
            if time.monotonic() - away_since > PATIENCE:
                raise
            return None
        away_since = None
        return found

    return once


def _watch(
    read: Callable[[], Status | None],
    poll: Callable[[], bool],
    show: Callable[[Status], object],
    every: float,
) -> Status:
    while True:
        any_left = poll()
        status = read()
        if status is not None:
            show(status)
            if status.state is StudyState.FINISHED or not any_left:
                return status
        _sleep(every, poll)


def _sleep(seconds: float, poll: Callable[[], bool]) -> None:
    """Sleep, but wake up when the last worker has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and poll():
        time.sleep(LOOK)


def _line(status: Status) -> Text:
    counts = status.counts
    parts = [
        f"{status.name}: {status.ended}{_of(status.budget.trials)} trials done",
        f"{counts['running']} running",
        *([f"{counts['waiting']} waiting"] if counts["waiting"] else []),
        f"{counts['pruned']} pruned",
        *([f"{counts['fail']} failed"] if counts["fail"] else []),
        f"{status.steps}{_of(status.budget.steps)} steps",
        f"best {status.best.value:.4f} (trial {status.best.number})"
        if status.best
        else "no best yet",
        _left(status),
    ]
    return Text(", ".join(filter(None, parts)))


def _of(most: int | None) -> str:
    return f"/{most}" if most else ""


def _left(status: Status) -> str:
    if status.control.want is Want.PAUSE:
        return f"paused: `hpo resume {status.name}` lets it go on"
    return f"about {duration(status.left)} left" if status.left else ""
