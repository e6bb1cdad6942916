"""Which trial a worker takes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.definition import Budget
from hpo.study import is_queued, is_spent, may_climb, worked
from hpo.worker.halving import Halving, is_paused


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A study at the moment when a worker asks for a trial.

    One that was handed back comes first, then one that may climb beyond its rung, then those that
    were queued, then a new one; all but the first only within the budget. Where nothing else is
    left, the trial that has climbed furthest goes on, so that every study ends with a result.
    """

    budget: Budget
    trials: Sequence[FrozenTrial]
    now: datetime  # by the database's clock
    halving: Halving
    direction: StudyDirection

    def existing(self) -> FrozenTrial | None:
        """Give the trial to go on with; None where there is none now."""
        for trial in self._waiting:
            if not is_queued(trial) and not is_paused(trial):
                return trial
        if self._may_climb and (promoted := self.halving.promotable(self.trials, self.direction)):
            return promoted
        if self.may_begin:
            return next(filter(is_queued, self._waiting), None)
        return None if self.runs else self._furthest

    @property
    def may_begin(self) -> bool:
        """Whether the budget has room for one more trial."""
        return self._may_climb and not is_spent(self.budget, self.trials, self.now)

    @property
    def runs(self) -> bool:
        """Whether a worker has a trial."""
        return any(trial.state is TrialState.RUNNING for trial in self.trials)

    @property
    def time_left(self) -> timedelta | None:
        """How much of the budget's time is left; None where time is not what it counts."""
        whole = self.budget.wall_time
        return None if whole is None else whole - worked(self.trials, self.now)

    @property
    def _waiting(self) -> list[FrozenTrial]:
        return [trial for trial in self.trials if trial.state is TrialState.WAITING]

    @property
    def _may_climb(self) -> bool:
        furthest = self._furthest
        reserved = self.halving.steps_left(furthest) if furthest else 0
        return may_climb(self.budget, self.trials, self.now, reserved)

    @property
    def _furthest(self) -> FrozenTrial | None:
        """The paused trial to complete so that there is a result; None if there is one."""
        if any(trial.state is TrialState.COMPLETE for trial in self.trials):
            return None
        return self.halving.furthest(self.trials, self.direction)
