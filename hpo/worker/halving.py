"""Successive halving with pauses: a trial waits at each rung until it is among the best there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from optuna.pruners import BasePruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from hpo.storage.keys import PAUSED
from hpo.study import is_paused


@dataclass(frozen=True, kw_only=True)
class HalvingPruner(BasePruner):
    """Promotes one in `factor` of the trials at a rung; the others wait and may follow later.

    This is ASHA as it was published (Li et al., 2020). Optuna's pruner of that name ends a trial
    that is not good enough yet, which favours the trials that come first.
    """

    rungs: Sequence[int]  # the steps at which trials wait, ascending
    factor: int

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether a trial should wait at the step that it reported last."""
        rung = self._rung_of(trial)
        if rung is None:
            return False
        trials = study.get_trials(deepcopy=False)
        return trial.number not in self._best_at(rung, trials, study.direction)

    def is_at_rung(self, trial: FrozenTrial) -> bool:
        """Whether the step that a trial reported last is a rung."""
        return self._rung_of(trial) is not None

    def rung_at(self, step: int) -> int:
        """Return the highest rung at or below a step."""
        return max(rung for rung in self.rungs if rung <= step)

    def promotable(
        self, trials: Sequence[FrozenTrial], direction: StudyDirection
    ) -> Iterator[FrozenTrial]:
        """Yield the paused trials that are among the best at their rungs, highest rung first."""
        waiting = paused(trials)
        for rung in reversed(self.rungs):
            at_rung = [trial for trial in waiting if trial.system_attrs[PAUSED] == rung]
            best = self._best_at(rung, trials, direction) if at_rung else ()
            yield from (trial for trial in at_rung if trial.number in best)

    def furthest(
        self, trials: Sequence[FrozenTrial], direction: StudyDirection
    ) -> FrozenTrial | None:
        """Return the best of the trials paused at the highest rung; None if none is paused."""
        waiting = paused(trials)
        rung = max((trial.system_attrs[PAUSED] for trial in waiting), default=0)
        at_rung = [trial for trial in waiting if trial.system_attrs[PAUSED] == rung]
        return next(iter(_ranked(at_rung, rung, direction)), None)

    def _rung_of(self, trial: FrozenTrial) -> int | None:
        """Return the highest rung that was reached with the newest step, if any."""
        *before, newest = sorted(trial.intermediate_values)
        reached = [rung for rung in self.rungs if max(before, default=0) < rung <= newest]
        return max(reached, default=None)

    def _best_at(
        self, rung: int, trials: Iterable[FrozenTrial], direction: StudyDirection
    ) -> set[int]:
        """Return the numbers of the trials that may climb beyond a rung."""
        reached = [trial for trial in trials if max(trial.intermediate_values, default=0) >= rung]
        ranked = _ranked(reached, rung, direction)
        return {trial.number for trial in ranked[: len(ranked) // self.factor]}


NO_RUNGS = HalvingPruner(rungs=(), factor=2)
"""Pauses nothing, and so has nothing to promote."""


def paused(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that wait at a rung."""
    return list(filter(is_paused, trials))


def _ranked(
    trials: Iterable[FrozenTrial], rung: int, direction: StudyDirection
) -> list[FrozenTrial]:
    """Sort trials by their values at a rung, the best first, ties by number."""
    sign = -1 if direction is StudyDirection.MAXIMIZE else 1

    def key(trial: FrozenTrial) -> tuple[float, int]:
        values = trial.intermediate_values
        step = rung if rung in values else min(step for step in values if step >= rung)
        return sign * values[step], trial.number

    return sorted(trials, key=key)
