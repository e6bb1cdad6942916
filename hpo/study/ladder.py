"""The steps of a study's trials, and the rungs at which they may have to wait."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.definition import Pruner
from hpo.definition.schema import Halving


@dataclass(frozen=True)
class Ladder:
    """The steps and rungs that every trial of a study climbs."""

    steps: Sequence[int]  # that a trial can report, ascending
    rungs: Sequence[int] = ()  # steps where it waits until it is among the best, ascending

    @property
    def last(self) -> int:
        """The last step that a trial can report."""
        return self.steps[-1]

    def landing(self, step: int) -> int:
        """Return the next step at which a trial has to ask whether to go on: a rung, or the last.

        Step 0 is before the first report.
        """
        return next((rung for rung in self.rungs if rung > step), self.last)

    def count(self, below: int, upto: int) -> int:
        """Return how many steps a trial reports after `below`, up to and including `upto`."""
        return max(0, bisect_right(self.steps, upto) - bisect_right(self.steps, below))


def ladder_of(pruner: Pruner, steps: Sequence[int]) -> Ladder:
    """Return the ladder of trials that can report these steps: with rungs if they wait there."""
    match pruner:
        case Halving(min_resource=first, reduction_factor=factor):
            return Ladder(steps, rungs(first, factor, steps[-1]))
    return Ladder(steps)


def rungs(first: int, factor: int, last: int) -> tuple[int, ...]:
    """Return the steps below `last` at which trials wait, each `factor` times the one before.

    This is ASHA's geometry (Li et al., 2020).
    """
    found, rung = [], first
    while rung < last:
        found.append(rung)
        rung *= factor
    return tuple(found)
