"""Choosing which worker is hit, and when."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from fleet import Fleet
from journal import Journal, Line
from schedule import Aim

MOST_HITS = 2  # of one trial: at three dead workers the product calls the trial itself deadly
PATIENCE = 20.0  # seconds to wait for somebody who can be hit
SOON = 0.06  # seconds after a step within which it is kept and reported
LOOK = 0.005


@dataclass(frozen=True, kw_only=True)
class Victim:
    """A worker that is to be hit."""

    pid: int
    line: Line | None  # the last thing that it did; None if it has only started

    @property
    def seed(self) -> int | None:
        """Its trial, as the journal knows it."""
        return self.line.seed if self.line else None


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The workers, as their journal shows them; threads may share one."""

    fleet: Fleet
    journal: Journal
    hits: Counter[int] = field(default_factory=Counter)  # by trial

    def choose(self, aim: Aim, rng: random.Random) -> Victim | None:
        """Wait for the moment to hit somebody; a trial is spared once it was hit too often.

        None if no worker is left.
        """
        deadline = time.monotonic() + PATIENCE
        while not (found := self._candidates(aim, spare=time.monotonic() < deadline)):
            if self.fleet.all_left():
                return None
            time.sleep(LOOK)
        victim = rng.choice(found)
        if victim.seed is not None:
            self.hits[victim.seed] += 1
        if aim is Aim.AFTER:
            self._await_end(victim, deadline)
            time.sleep(rng.uniform(0, SOON))
        return Victim(pid=victim.pid, line=self._latest().get(victim.pid))

    def _candidates(self, aim: Aim, *, spare: bool) -> list[Victim]:
        """Return those that can be hit; once nobody is spared, whoever runs."""
        latest = self._latest()
        found = [Victim(pid=pid, line=latest.get(pid)) for pid in self.fleet.pids()]
        if not spare:
            return found
        found = [victim for victim in found if self.hits[victim.seed or 0] < MOST_HITS]
        if aim is Aim.ANY:
            return found
        return [victim for victim in found if victim.line and victim.line.what == "begin"]

    def _await_end(self, victim: Victim, deadline: float) -> None:
        while time.monotonic() < deadline and self._latest().get(victim.pid) == victim.line:
            time.sleep(LOOK)

    def _latest(self) -> dict[int, Line]:
        return {line.pid: line for line in self.journal.lines()}
