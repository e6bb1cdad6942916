"""When this process has heard from the database."""

import time
from dataclasses import dataclass


@dataclass
class Contact:
    """Tells a process that was cut off from one that could have heard the others.

    After a broken network everybody has been silent. Who comes back first must not think that all
    others have died.
    """

    last: float | None = None  # by time.monotonic()
    judges_from: float = 0.0

    def may_judge(self, grace: float) -> bool:
        """Hear that the database has answered; whether this process may say who is dead.

        One that has heard nothing for half of the grace period waits for a whole one.
        """
        now = time.monotonic()
        if self.last is not None and now - self.last > grace / 2:
            self.judges_from = now + grace
        self.last = now
        return now >= self.judges_from
