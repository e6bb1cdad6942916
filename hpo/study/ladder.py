"""The steps of a study's trials, and the rungs at which they may have to wait."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ladder:
    """What every trial of a study climbs."""

    steps: Sequence[int]  # that a trial can report, ascending
    rungs: Sequence[int] = ()  # where it waits until it is among the best, ascending

    @property
    def last(self) -> int:
        """The last step that a trial can report."""
        return self.steps[-1]

    def landing(self, step: int) -> int:
        """Give where a trial that has climbed to a step will next have to ask: a rung, or the end.

        A step of 0 is the beginning.
        """
        return next((rung for rung in self.rungs if rung > step), self.last)

    def count(self, below: int, upto: int) -> int:
        """Give how many reports a trial makes after one step up to another."""
        return max(0, bisect_right(self.steps, upto) - bisect_right(self.steps, below))


def rungs(first: int, factor: int, last: int) -> tuple[int, ...]:
    """Give the steps before the last one at which trials wait, each `factor` times the one before.

    This is ASHA's geometry (Li et al., 2020).
    """
    found, rung = [], first
    while rung < last:
        found.append(rung)
        rung *= factor
    return tuple(found)
