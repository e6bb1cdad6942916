"""Owning a trial: taking it within the budget, ending it exactly once, handing it back."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.artifacts import forget_trial
from hpo.errors import LeaseLost
from hpo.storage.database import Database, study_lock
from hpo.storage.stale import stale_trial_ids
from hpo.study import (
    ERROR,
    RUNS,
    StoredStudy,
    budget_of,
    is_finished,
    recorded_runs,
    trials_of,
)
from hpo.worker.choice import Choice
from hpo.worker.halving import NO_RUNGS, PAUSED, Halving, is_paused, paused

OWNER = "hpo:owner"  # the worker that may write to a running trial
LOSSES = "hpo:losses"  # how many workers died with it
MOST_LOSSES = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a worker's part in a trial ended: WAITING means that another worker goes on with it."""

    state: TrialState
    value: float | None = None
    error: str | None = None
    rung: int | None = None  # where it waits until it is among the best

    def __str__(self) -> str:
        return self.state.name if self.value is None else f"{self.state.name} {self.value}"


@dataclass(frozen=True, kw_only=True)
class Lease:
    """One trial that this worker owns, until it ends it, hands it back or loses it."""

    database: Database
    study: Study
    trial_id: int
    number: int
    owner: str

    def read(self) -> FrozenTrial:
        """Give the trial as it is stored.

        Raises:
            LeaseLost: another worker, or a person, has taken or ended it.
        """
        try:
            trial = self.database.storage.get_trial(self.trial_id)
        except KeyError:
            raise LeaseLost(f"trial {self.number} was deleted") from None
        mine = trial.state is TrialState.RUNNING and trial.system_attrs.get(OWNER) == self.owner
        if not mine:
            raise LeaseLost(f"trial {trial.number} is another worker's now")
        return trial

    def end(self, outcome: Outcome) -> None:
        """Record how the trial ended; one that waits keeps its parameters and its reports.

        Raises:
            LeaseLost: another worker, or a person, has taken or ended it.
        """
        storage = self.database.storage
        with study_lock(self.database, self.study.study_name):
            trial = self.read()
            assert trial.datetime_start is not None
            run = (trial.datetime_start.timestamp(), time.time())
            storage.set_trial_user_attr(self.trial_id, RUNS, [*recorded_runs(trial), run])
            if outcome.error is not None:
                storage.set_trial_user_attr(self.trial_id, ERROR, outcome.error)
            if outcome.state is TrialState.WAITING:
                if outcome.rung is not None:
                    storage.set_trial_system_attr(self.trial_id, PAUSED, outcome.rung)
                storage.set_trial_state_values(self.trial_id, TrialState.WAITING)
            else:
                self.study.tell(self.number, outcome.value, outcome.state)


@dataclass(frozen=True, kw_only=True)
class Leases:
    """Where one worker gets its trials of one study, whose pruner must be set."""

    database: Database
    stored: StoredStudy
    owner: str

    def take(self) -> Lease | None:
        """Own the next trial; None if there is none now, or none any more.

        All of it happens under the study's lock, so that the budget is exact. A new trial waits
        until it has an owner and a heartbeat: dying in between leaves nothing that looks alive.

        Raises:
            StudyError: somebody has deleted the study.
        """
        with study_lock(self.database, self.stored.definition.name):
            self._free_stale(self._trials())
            choice = self._choice()
            trial = choice.existing()
            if trial is None and not choice.may_begin:
                if not choice.runs:
                    self._end_paused(choice.trials)
                return None
            storage = self.database.storage
            trial_id = self._id_of(trial) if trial else self._new_trial()
            storage.set_trial_system_attr(trial_id, OWNER, self.owner)
            if trial and is_paused(trial):
                storage.set_trial_system_attr(trial_id, PAUSED, None)
            self.database.records.record_heartbeat(trial_id)
            storage.set_trial_state_values(trial_id, TrialState.RUNNING)
        return Lease(
            database=self.database,
            study=self.stored.study,
            trial_id=trial_id,
            number=storage.get_trial(trial_id).number,
            owner=self.owner,
        )

    def is_over(self) -> bool:
        """Whether the study has ended, so that there will never be a trial to take."""
        return is_finished(budget_of(self.stored), self._trials())

    @property
    def _study_id(self) -> int:
        return self.database.storage.get_study_id_from_name(self.stored.definition.name)

    def _id_of(self, trial: FrozenTrial) -> int:
        return self.database.storage.get_trial_id_from_study_id_trial_number(
            self._study_id, trial.number
        )

    def _trials(self) -> list[FrozenTrial]:
        return trials_of(self.stored)

    def _choice(self) -> Choice:
        pruner = self.stored.study.pruner
        return Choice(
            budget=budget_of(self.stored),
            trials=self._trials(),
            halving=pruner if isinstance(pruner, Halving) else NO_RUNGS,
            direction=self.stored.study.direction,
        )

    def _new_trial(self) -> int:
        waiting = create_trial(state=TrialState.WAITING)
        return self.database.storage.create_new_trial(self._study_id, template_trial=waiting)

    def _end_paused(self, trials: Sequence[FrozenTrial]) -> None:
        """Prune what still waits at a rung: nothing will make room for it any more."""
        for trial in paused(trials):
            value = trial.intermediate_values[trial.last_step or 0]
            self.database.storage.set_trial_state_values(
                self._id_of(trial), TrialState.PRUNED, [value]
            )
            forget_trial(self.stored.definition.name, trial.number)

    def _free_stale(self, trials: list[FrozenTrial]) -> None:
        """Let go of the trials whose workers have died."""
        stale = set(stale_trial_ids(self.database, self._study_id))
        for trial in trials:
            if self._id_of(trial) in stale:
                self._free(trial)

    def _free(self, trial: FrozenTrial) -> None:
        storage, trial_id = self.database.storage, self._id_of(trial)
        losses = trial.system_attrs.get(LOSSES, 0) + 1
        storage.set_trial_system_attr(trial_id, LOSSES, losses)
        log.warning("trial %d has lost its worker (%d of %d)", trial.number, losses, MOST_LOSSES)
        if losses < MOST_LOSSES:
            storage.set_trial_state_values(trial_id, TrialState.WAITING)
            return
        storage.set_trial_user_attr(trial_id, ERROR, f"{losses} workers died while they ran it")
        storage.set_trial_state_values(trial_id, TrialState.FAIL)
