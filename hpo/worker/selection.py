"""Selecting the trial that a worker takes next."""

from dataclasses import dataclass

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.study import Account, is_paused, is_queued
from hpo.worker.halving import HalvingPruner


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A study at the moment when a worker asks for a trial.

    Trials that were handed back come first, then those that may climb beyond their rung, then those
    that were queued, then a new one; all but the first only within the budget. Where nothing else
    is left, the trial that has climbed furthest goes on, so that every study ends with a result.
    """

    account: Account
    halving: HalvingPruner
    direction: StudyDirection

    def existing(self) -> FrozenTrial | None:
        """Return the existing trial to take; None where a new one comes next, or none."""
        for trial in self._waiting:
            if not is_queued(trial) and not is_paused(trial):
                return trial
        promotable = self.halving.promotable(self.account.trials, self.direction)
        promoted = next(filter(self.account.may_climb, promotable), None)
        if promoted is not None:
            return promoted
        if self.account.may_begin:
            return next(filter(is_queued, self._waiting), None)
        return None if self.runs else self._furthest

    @property
    def runs(self) -> bool:
        """Whether a worker has a trial."""
        return any(trial.state is TrialState.RUNNING for trial in self.account.trials)

    @property
    def _waiting(self) -> list[FrozenTrial]:
        return [trial for trial in self.account.trials if trial.state is TrialState.WAITING]

    @property
    def _furthest(self) -> FrozenTrial | None:
        """The paused trial to complete so that there is a result; None if there is one."""
        if self.account.completed:
            return None
        furthest = self.halving.furthest(self.account.trials, self.direction)
        return furthest if furthest and self.account.has_steps_for(furthest) else None
