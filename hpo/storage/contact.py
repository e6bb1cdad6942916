"""When this process has heard from the database."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hpo.errors import DatabaseAway
from hpo.storage.failures import database_errors

# It goes on while a machine is suspended, on Linux and on a Mac.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass
class Contact:
    """Tells a process that was cut off from one that could have heard the others.

    After a broken network everybody has been silent. Who comes back first must not think that all
    others have died, and nor must who has started meanwhile.
    """

    last: float | None = None  # by CLOCK
    judges_from: float = 0.0
    began_cut_off: bool = False  # it has never heard the database, and has tried

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Notice whether the body reaches the database; its errors become ours.

        Raises:
            DatabaseAway: the connection broke, or there was none to be had just now.
            DatabaseError: it was refused, and will be again.
        """
        try:
            with database_errors():
                yield
        except DatabaseAway:
            self.began_cut_off = self.began_cut_off or self.last is None
            raise

    def may_judge(self, grace: float) -> bool:
        """Hear that the database has answered; whether this process may say who is dead.

        One that has heard nothing for half of the grace period waits for a whole one, as one does
        that did not reach the database when it started.
        """
        now = time.clock_gettime(CLOCK)
        was_silent = self.last is not None and now - self.last > grace / 2
        if was_silent or self.began_cut_off:
            self.judges_from = now + grace
        self.began_cut_off = False
        self.last = now
        return now >= self.judges_from
