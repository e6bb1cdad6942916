"""Owning a trial: taking it within the budget, ending it exactly once, handing it back."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection

from hpo.artifacts import Artifacts
from hpo.definition import Budget
from hpo.storage import stale, taking, tidying
from hpo.storage.database import study_lock
from hpo.storage.keys import CONTROL, DEFINITION, ERROR, GRANTED, PAUSED, RAISED, RETRIES
from hpo.storage.ownership import NOTHING, OwnedTrial, Writing
from hpo.storage.retrying import persistently
from hpo.study import (
    Account,
    Control,
    StoredStudy,
    Want,
    account_of,
    attrs_at,
    budget_of,
    control_of,
    height_of,
    trial_of,
    trials_of,
)
from hpo.worker.checkpoints import forget
from hpo.worker.halving import NO_RUNGS, HalvingPruner
from hpo.worker.selection import Selection

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a trial ended for this worker; with WAITING another worker may resume it."""

    state: TrialState
    value: float | None = None
    error: str | None = None
    raised: str | None = None  # the type of the error, and where it was raised
    rung: int | None = None  # at which it waits until it is among the best
    retries: Sequence[str] | None = None  # why it is to be tried again, this time and before

    def __str__(self) -> str:
        return self.state.name if self.value is None else f"{self.state.name} {self.value}"

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What later workers need to know of it."""
        kept = {PAUSED: self.rung, RAISED: self.raised, RETRIES: self.retries}
        return {key: value for key, value in kept.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a write to a trial returns about its study."""

    control: Control
    wall_time: str | None  # of the budget, as it is stored


@dataclass(frozen=True, kw_only=True)
class TimeLimit:
    """When the budget's time is over, and the wall time that this was computed from."""

    deadline: float | None  # by time.monotonic()
    wall_time: str | None  # as it is stored


NO_LIMIT = TimeLimit(deadline=None, wall_time=None)


@dataclass(frozen=True, kw_only=True)
class Lease:
    """One trial that this worker owns, until it ends it, hands it back or loses it.

    While the database is away, each method waits for it.
    """

    stored: StoredStudy
    trial: FrozenTrial  # as it was taken
    owned: OwnedTrial
    seen: Sequence[FrozenTrial] | None  # all trials at that moment; None: they were not read
    artifacts: Artifacts
    limit: TimeLimit
    give_up: Callable[[], bool]  # whether to stop waiting for a database that is away

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.trial.number

    @cached_property
    def trials(self) -> Sequence[FrozenTrial]:
        """The other trials, as they were when this one was taken, or on first access."""
        seen = trials_of(self.stored) if self.seen is None else self.seen
        return [other for other in seen if other.number != self.number]

    def attrs(self) -> Mapping[str, Any]:
        """Read the trial's system attributes; empty if it was deleted."""
        records = self.stored.database.records
        with suppress(KeyError):
            return persistently(
                lambda: records.get_trial_system_attrs(self.owned.trial_id), self.give_up
            )
        return {}

    def account(self) -> Account:
        """Read the study's account."""
        stored = self.stored
        return persistently(lambda: account_of(stored), self.give_up)

    def write(self, writing: Writing = NOTHING) -> Wanted:
        """Write to the trial, with a heartbeat, and return what is wanted of its study.

        Raises:
            LeaseLost: another worker, or a person, has taken, ended or deleted it.
        """
        control, wall_time = persistently(lambda: self.owned.write(writing), self.give_up)
        return Wanted(control=Control.read(control), wall_time=wall_time)

    def climb_on(self) -> int | None:
        """Ask for the budget's steps beyond the rung that the trial reported last.

        Returns the step up to which it may climb, or None if it may not.

        Raises:
            LeaseLost: another worker, or a person, has taken, ended or deleted it.
        """
        return persistently(self._climb_on, self.give_up)

    def _climb_on(self) -> int | None:
        with study_lock(self.stored.database, self.stored.definition.name) as connection:
            account = account_of(self.stored, connection)
            (trial,) = (trial for trial in account.trials if trial.number == self.number)
            if not account.may_climb(trial):
                return None
            landing = account.ladder.landing(height_of(trial))
            self.owned.write(Writing(system_attrs={GRANTED: landing}))
            return landing

    def end(self, outcome: Outcome, unwritten: Writing = NOTHING) -> None:
        """Record how the trial ended, with what is not written yet.

        Raises:
            LeaseLost: another worker, or a person, has taken, ended or deleted it.
        """
        error = {} if outcome.error is None else {ERROR: outcome.error}
        writing = Writing(
            reports=unwritten.reports,
            user_attrs={**unwritten.user_attrs, **error},
            system_attrs={**unwritten.system_attrs, **outcome.system_attrs},
        )
        persistently(lambda: self.owned.end(outcome.state, outcome.value, writing), self.give_up)

    def forget_training(self, *, is_named: bool) -> None:
        """Remove the checkpoints of the trial, which has ended, and the attribute naming one."""
        is_gone = forget(self.artifacts, self.stored.definition.name, self.number)
        if is_gone and is_named:
            persistently(partial(_unname, self.stored, self.owned.trial_id), self.give_up)


@dataclass(frozen=True, kw_only=True)
class Leases:
    """Takes trials of one study for one worker; the study's pruner must be set."""

    stored: StoredStudy
    owner: str
    artifacts: Artifacts
    give_up: Callable[[], bool] = lambda: False  # whether to stop waiting for the database

    def take(self) -> Lease | None:
        """Own the next trial; None if there is none now, or none any more.

        It is chosen under the study's lock, so that the budget is exact.

        Raises:
            StudyError: somebody has deleted the study.
        """
        owner = f"{self.owner}:{secrets.token_hex(4)}"  # a new name for each trial
        tries = count()
        return persistently(lambda: self._take(owner, again=next(tries) > 0), self.give_up)

    def is_over(self) -> bool:
        """Whether there will never be another trial to take."""
        return persistently(self._is_over, self.give_up)

    def sweep(self) -> None:
        """Remove the checkpoints that ended trials still name.

        Such a trial was not ended by its worker, or the artifact store was away at that time. If it
        is away again, the rest is left to the next sweep.
        """
        for trial_id, number in persistently(self._ended_with_checkpoint, self.give_up):
            if not forget(self.artifacts, self.stored.definition.name, number):
                return
            persistently(partial(_unname, self.stored, trial_id), self.give_up)

    def _ended_with_checkpoint(self) -> Sequence[tuple[int, int]]:
        with self.stored.database.engine.connect() as connection:
            return tidying.ended_with_checkpoint(connection, self.stored.study_id)

    def _take(self, owner: str, *, again: bool) -> Lease | None:
        free_stale(self.stored)
        # An earlier try may have succeeded without an answer: then the trial is found below.
        begun = None if again else self._begin(owner)
        if begun is not None:
            return self._lease(begun, owner)
        trials_of(self.stored)  # fills the cache, so that little is left to read under the lock
        with study_lock(self.stored.database, self.stored.definition.name) as connection:
            attrs = attrs_at(connection, self.stored)
            taken = taking.owned(connection, self.stored.study_id, owner)
            if taken is None and Control.read(attrs.get(CONTROL)).want is not Want.RUN:
                return None
            selection = self._selection(connection, attrs)
            trial_id = taken or self._take_next(selection, connection, owner)
            if trial_id is None:
                return None
            wall_time = attrs[DEFINITION]["budget"]["wall_time"]
            limit = TimeLimit(deadline=deadline_of(selection.account), wall_time=wall_time)
        trial = trial_of(self.stored, trial_id)
        return self._lease(trial, owner, selection.account.trials, limit)

    def _begin(self, owner: str) -> FrozenTrial | None:
        """Begin a new trial without reading the others, if their number alone decides.

        The database counts them. Reading them takes most of the time for which the study's lock is
        held, and the more trials there are, the more.
        """
        if not self._counts_trials_alone(self.stored.definition.budget):
            return None  # the stored budget may have changed, but this is cheaper and still correct
        with study_lock(self.stored.database, self.stored.definition.name) as connection:
            attrs = attrs_at(connection, self.stored)
            budget = budget_of(self.stored, attrs)
            wanted = Control.read(attrs.get(CONTROL)).want is Want.RUN
            if not wanted or not self._counts_trials_alone(budget):
                return None
            return taking.begin(connection, self.stored.study_id, owner, most=budget.trials)

    def _counts_trials_alone(self, budget: Budget) -> bool:
        """Whether the number of trials alone decides if a new one may begin."""
        others = (budget.steps, budget.wall_time, budget.target, budget.patience)
        is_halving = isinstance(self.stored.study.pruner, HalvingPruner)
        is_walk = self.stored.origin.points is not None  # it ends with its points
        return all(limit is None for limit in others) and not is_halving and not is_walk

    def _lease(
        self,
        trial: FrozenTrial,
        owner: str,
        seen: Sequence[FrozenTrial] | None = None,
        limit: TimeLimit = NO_LIMIT,
    ) -> Lease:
        return Lease(
            stored=self.stored,
            trial=trial,
            owned=OwnedTrial(
                database=self.stored.database,
                trial_id=trial._trial_id,  # noqa: SLF001 - by its number, it takes a query
                number=trial.number,
                owner=owner,
            ),
            seen=seen,
            artifacts=self.artifacts,
            limit=limit,
            give_up=self.give_up,
        )

    def _take_next(self, selection: Selection, connection: Connection, owner: str) -> int | None:
        account, trial = selection.account, selection.existing()
        grant = account.grant(trial)
        if trial is not None:
            trial_id = trial._trial_id  # noqa: SLF001 - by its number, it takes a query
            return taking.take(connection, trial_id, owner, grant=grant)
        if account.may_begin:
            begun = taking.begin(
                connection, self.stored.study_id, owner, despite_waiting=True, grant=grant
            )
            return None if begun is None else begun._trial_id  # noqa: SLF001
        if not selection.runs:  # nothing will make room any more for what waits at a rung
            tidying.prune_paused(connection, self.stored.study_id)
        return None

    def _is_over(self) -> bool:
        account = account_of(self.stored)
        if control_of(self.stored).want in {Want.STOP, Want.CANCEL}:
            return not any(trial.state is TrialState.RUNNING for trial in account.trials)
        return account.is_finished

    def _selection(self, connection: Connection, attrs: Mapping[str, Any]) -> Selection:
        pruner = self.stored.study.pruner
        return Selection(
            account=account_of(self.stored, connection, attrs),
            halving=pruner if isinstance(pruner, HalvingPruner) else NO_RUNGS,
            direction=self.stored.study.direction,
        )


def _unname(stored: StoredStudy, trial_id: int) -> None:
    with stored.database.engine.begin() as connection:
        tidying.unname_checkpoint(connection, trial_id)


def deadline_of(account: Account) -> float | None:
    """Return when the budget's time will be over, by time.monotonic(); None where it has no end."""
    if account.budget.wall_time is None:
        return None
    left = account.budget.wall_time - account.worked
    return time.monotonic() + left.total_seconds()  # it passes as fast as any clock meanwhile


def free_stale(stored: StoredStudy) -> None:
    """Free a study's trials whose workers have died, unless this process was cut off itself.

    Raises:
        DatabaseAway: the database can't be asked now.
    """
    contact = stored.database.contact
    with contact.asking(), stored.database.engine.connect() as connection:
        silent = stale.stale_trial_ids(connection, stored.study_id)
    if not contact.may_judge(stale.grace_period()) or not silent:
        return
    with study_lock(stored.database, stored.definition.name) as connection:
        for trial_id in stale.stale_trial_ids(connection, stored.study_id):
            number, count = stale.free(connection, trial_id)
            log.warning("trial %d has lost its worker (%d of %d)", number, count, stale.MOST_LOSSES)
