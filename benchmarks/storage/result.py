"""What was measured of a cell, per trial that ended."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from counters import Counters
from meter import TELL, Notes


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A span of time, and what the server did in it."""

    opened: float  # by time.monotonic()
    seconds: float
    counters: Counters
    connections: int  # at once, at the most

    def has(self, at: float) -> bool:
        """Whether something happened in it."""
        return self.opened <= at <= self.opened + self.seconds


@dataclass(frozen=True, kw_only=True)
class Result:
    """A spell, and what each process has noted in all of its life."""

    spell: Spell
    notes: Sequence[Notes]

    @property
    def trials(self) -> int:
        """How many trials ended."""
        return len(self._taken(TELL))

    @property
    def pace(self) -> float:
        """Trials per second."""
        return self.trials / self.spell.seconds

    @property
    def statements(self) -> float:
        """Statements per trial, without BEGIN, COMMIT and the pool's pings."""
        return self._per_trial(len(self._sent()))

    @property
    def rows(self) -> float:
        """Rows per trial that came to the workers."""
        return self._per_trial(sum(self._sent()))

    @property
    def transactions(self) -> float:
        """Transactions per trial, those of pings as well."""
        return self._per_trial(self.spell.counters.transactions)

    @property
    def written(self) -> float:
        """Rows per trial that were inserted, updated or deleted."""
        return self._per_trial(self.spell.counters.written)

    @property
    def visited(self) -> float:
        """Rows and index entries per trial that the server came upon."""
        return self._per_trial(self.spell.counters.visited)

    def latency(self, what: str) -> tuple[float, float]:
        """Return the median and the 95th percentile in ms."""
        found = self._taken(what) or [float("nan")]
        p50, p95 = np.percentile(found, [50, 95])
        return 1000 * float(p50), 1000 * float(p95)

    def _taken(self, what: str) -> list[float]:
        taken = (one for notes in self.notes for one in notes.taken[what])
        return [one.seconds for one in taken if self.spell.has(one.at)]

    def _sent(self) -> list[int]:
        sent = (one for notes in self.notes for one in notes.sent)
        return [one.rows for one in sent if self.spell.has(one.at)]

    def _per_trial(self, number: float) -> float:
        return number / self.trials if self.trials else float("nan")
