"""When this process last had an answer from the database."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hpo.errors import DatabaseAway
from hpo.storage.failures import database_errors

# A clock that goes on while the machine is suspended, on Linux and macOS.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass
class Contact:
    """Whether this process may judge others by their heartbeats, or was cut off itself.

    After a network failure all heartbeats are old. The first worker to reconnect, or one that was
    started meanwhile, must not conclude that all others have died.
    """

    last: float | None = None  # when the database answered last, by CLOCK
    judges_from: float = 0.0  # by CLOCK
    began_cut_off: bool = False  # the database has not answered yet, though it was asked

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Note whether the body reaches the database, and translate its errors.

        Raises:
            DatabaseAway: the connection broke, or none could be opened.
            DatabaseError: the database refused, and will refuse again.
        """
        try:
            with database_errors():
                yield
        except DatabaseAway:
            self.began_cut_off = self.began_cut_off or self.last is None
            raise

    def may_judge(self, grace: float) -> bool:
        """Note that the database has answered; return whether heartbeats may be judged now.

        A process that had no answer for half of the grace period, or did not reach the database
        when it started, has to wait for a whole grace period first.
        """
        now = time.clock_gettime(CLOCK)
        was_silent = self.last is not None and now - self.last > grace / 2
        if was_silent or self.began_cut_off:
            self.judges_from = now + grace
        self.began_cut_off = False
        self.last = now
        return now >= self.judges_from
