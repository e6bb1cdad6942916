"""What a worker's process notes of itself: how long things take, and what it asks the database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Engine, event

ASK, REPORT, TELL = "ask", "report", "tell"


class Taken(NamedTuple):
    """Something that took a while."""

    at: float  # its end, by time.monotonic(), which all processes of a machine share
    seconds: float


class Sent(NamedTuple):
    """A statement that was sent."""

    at: float  # its answer, by time.monotonic()
    rows: int  # that came back or, where none does, that were written


@dataclass
class Notes:
    """What one process has noted."""

    taken: dict[str, list[Taken]] = field(default_factory=lambda: {ASK: [], REPORT: [], TELL: []})
    sent: list[Sent] = field(default_factory=list)


class Over(BaseException):
    """The worker is to stop, and to leave its trial as it is: nobody is to mind it any more."""


@dataclass
class Meter:
    """Notes what the one worker of this process does.

    To ask is all from the end of the last trial until the parameters are there, to tell all from
    the objective's return until the trial has ended; a report is one step, with the question
    whether to prune.
    """

    notes: Notes = field(default_factory=Notes)
    first_step: int = 1  # of the current trial; the first trials of a fleet are out of step
    since: float = 0.0  # when the last thing ended, by time.monotonic()
    on_told: Callable[[], None] = lambda: None
    is_over: Callable[[], bool] = lambda: False

    def begin(
        self, first_step: int, on_told: Callable[[], None], is_over: Callable[[], bool]
    ) -> None:
        """Begin to want a trial."""
        event.listen(Engine, "after_cursor_execute", self._sent)
        self.first_step, self.on_told, self.is_over = first_step, on_told, is_over
        self.since = time.monotonic()

    def asked(self) -> None:
        """Note that the parameters of a trial are there."""
        self._note(ASK)

    @contextmanager
    def report(self) -> Iterator[None]:
        """Note how long the body takes to report a step.

        Raises:
            Over: it was time to stop.
        """
        if self.is_over():
            raise Over
        began = time.monotonic()
        yield
        ended = time.monotonic()
        self.notes.taken[REPORT].append(Taken(ended, ended - began))

    def evaluated(self) -> None:
        """Begin to tell."""
        self.since = time.monotonic()

    def told(self) -> None:
        """Note that a trial has ended, and begin to want another one."""
        self._note(TELL)
        self.first_step = 1
        self.on_told()

    def _note(self, what: str) -> None:
        now = time.monotonic()
        self.notes.taken[what].append(Taken(now, now - self.since))
        self.since = now

    def _sent(self, _connection: Any, cursor: Any, *_: Any) -> None:
        self.notes.sent.append(Sent(time.monotonic(), max(0, cursor.rowcount)))


METER = Meter()
"""The only one of a process: a model's code can't be given one."""
