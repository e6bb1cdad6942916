"""A study's budget: how much of it is spent, and when the study is done."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain
from typing import Any

from optuna.trial import FrozenTrial
from sqlalchemy import Connection

from hpo.definition import Budget, Direction, in_toml
from hpo.storage.failures import database_errors
from hpo.storage.keys import GRANTED, RETRY_OF
from hpo.storage.stale import silent_since
from hpo.storage.times import now_of
from hpo.study.ladder import Ladder
from hpo.study.stored import StoredStudy, attrs_of, definition_in, trials_of
from hpo.study.trials import (
    begun,
    completed,
    first_begin,
    height_of,
    is_at_rest,
    is_given,
    is_paused,
    is_queued,
    runs_of,
)

LONGEST_GUESS = 1e10  # seconds, 300 years: a budget's limits may be arbitrarily large


def budget_of(stored: StoredStudy, attrs: Mapping[str, Any] | None = None) -> Budget:
    """Read a study's budget, which may have changed since the study was loaded.

    `attrs` are the study's user attributes, if they were read just now.
    """
    return definition_in(attrs or attrs_of(stored), stored.definition.name).budget


@dataclass(frozen=True, kw_only=True)
class Grant:
    """The steps that a trial may climb before it has to ask again."""

    landing: int  # the last of them
    steps: int  # how many of them are not reported yet


NO_GRANT = Grant(landing=0, steps=0)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A study's budget, and what its trials have used of it, at one moment.

    Steps are granted in advance: a trial that begins or goes on from a rung may climb to its
    landing, the next rung or its end, and the steps up to there are reserved for it. Until the
    study has a result, enough steps are left for one trial to climb all the way. So a study never
    uses more steps than its budget has.

    Results are cached: a worker asks about one trial after another while all others wait.
    """

    budget: Budget
    ladder: Ladder
    direction: Direction
    trials: Sequence[FrozenTrial]
    now: datetime  # by the database's clock
    silent: Mapping[int, float] = field(default_factory=dict)
    """When running trials whose workers seem dead had their last heartbeat, by trial number, in
    POSIX seconds."""

    @property
    def may_begin(self) -> bool:
        """Whether one more trial may begin."""
        most = self.budget.trials
        has_room = most is None or self.places_taken < most
        return has_room and self._is_open and self.has_steps_for(None)

    def may_climb(self, trial: FrozenTrial) -> bool:
        """Whether a trial may go on from its rung."""
        return self._is_open and self.has_steps_for(trial)

    @property
    def is_spent(self) -> bool:
        """Whether no further trial may begin, even when those that run have ended."""
        most = self.budget.trials
        return self.is_closed or (most is not None and self.places_taken >= most)

    @property
    def is_closed(self) -> bool:
        """Whether no trial may begin, not even a retry: no time or steps are left."""
        return not self._is_open or not self._has_steps_in_the_end

    @property
    def is_finished(self) -> bool:
        """Whether no trial may begin any more, and all that have begun have ended."""
        return all(t.state.is_finished() for t in begun(self.trials)) and not self.may_begin

    def grant(self, trial: FrozenTrial | None) -> int | None:
        """Return the step up to which a trial may climb once it is taken; None is a new trial.

        Returns None where no grant is needed: the budget does not count steps, or the trial was
        handed back and keeps its grant.
        """
        if self.budget.steps is None:
            return None
        if trial is None or is_queued(trial) or is_paused(trial):
            return self.ladder.landing(height_of(trial) if trial else 0)
        return None

    def has_steps_for(self, trial: FrozenTrial | None) -> bool:
        """Whether there are steps for a trial up to its landing; None is a new trial."""
        if self.budget.steps is None:
            return True
        own = trial.number if trial else None
        height = height_of(trial) if trial else 0
        landing = self.ladder.landing(height)
        granted = self._granted_steps - self._grants.get(own, NO_GRANT).steps
        left = self.budget.steps - self.steps - granted - self.ladder.count(height, landing)
        if self.completed:
            return left >= 0
        # When all grants are used, the trial that has climbed furthest needs the fewest more steps.
        others = (grant.landing for number, grant in self._grants.items() if number != own)
        return left >= self.ladder.count(max((landing, *others)), self.ladder.last)

    @property
    def places_taken(self) -> int:
        """How many trials have begun, except those that failed and were retried."""
        return sum(not is_queued(trial) for trial in self.without_replaced)

    @property
    def places_promised(self) -> int:
        """How many trials have begun or are queued, except those that failed and were retried."""
        return len(self.without_replaced)

    @cached_property
    def steps(self) -> int:
        """How many steps all trials together have reported."""
        return sum(len(trial.intermediate_values) for trial in self.trials)

    @cached_property
    def worked(self) -> timedelta:
        """The time during which at least one trial ran."""
        seconds, covered, now = 0.0, 0.0, self.now.timestamp()
        runs = (runs_of(t, self.silent.get(t.number, now)) for t in self.trials)
        for start, end in sorted(chain.from_iterable(runs)):
            seconds += max(0.0, end - max(start, covered))
            covered = max(covered, end)
        return timedelta(seconds=seconds)

    @cached_property
    def completed(self) -> list[FrozenTrial]:
        """The complete trials, the best first, ties by number."""
        return completed(self.trials, self.direction)

    @property
    def time_left(self) -> timedelta | None:
        """An estimate from the pace so far of how long it will take; None if there is none yet."""
        rested = sum(map(is_at_rest, self.without_replaced))
        so_far, budget = self.worked.total_seconds(), self.budget
        guesses = [
            *([so_far * (budget.trials / rested - 1)] if budget.trials and rested else []),
            *([so_far * (budget.steps / self.steps - 1)] if budget.steps and self.steps else []),
            *([budget.wall_time.total_seconds() - so_far] if budget.wall_time and so_far else []),
        ]
        if not guesses:
            return None
        return timedelta(seconds=min(max(min(guesses), 0.0), LONGEST_GUESS))

    @cached_property
    def without_replaced(self) -> list[FrozenTrial]:
        """The trials that count: all but those that failed and were retried."""
        replaced = {trial.user_attrs.get(RETRY_OF) for trial in self.trials}
        return [trial for trial in self.trials if trial.number not in replaced]

    @property
    def _has_steps_in_the_end(self) -> bool:
        """Whether there may be steps for a new trial once all that have begun have ended."""
        if self.budget.steps is None or self.has_steps_for(None):
            return True
        if not self._granted_steps:  # none will be given back
            return False
        return self.budget.steps - self.steps >= self.ladder.count(0, self.ladder.landing(0))

    @cached_property
    def _is_open(self) -> bool:
        """Whether time is left and neither target nor patience has ended the search."""
        time = self.budget.wall_time
        has_time = time is None or self.worked < time
        return has_time and not self._is_good_enough and not self._is_out_of_patience

    @property
    def _is_good_enough(self) -> bool:
        target = self.budget.target
        best = None if target is None else next(iter(self.completed), None)
        if target is None or best is None or best.value is None:
            return False
        return best.value >= target if self.direction == "maximize" else best.value <= target

    @property
    def _is_out_of_patience(self) -> bool:
        """Whether `patience` trials that began after the best one ended have come to rest."""
        patience = self.budget.patience
        best = None if patience is None else next(iter(self.completed), None)
        if patience is None or best is None or best.datetime_complete is None:
            return False
        since = best.datetime_complete.timestamp()  # POSIX time: the local clock may have changed
        begins = (first_begin(trial) for trial in self.trials if is_at_rest(trial))
        return patience <= sum(begin is not None and begin >= since for begin in begins)

    @cached_property
    def _grants(self) -> dict[int | None, Grant]:
        """The grants of the trials that have begun and not ended, by number."""
        open_trials = (trial for trial in begun(self.trials) if not trial.state.is_finished())
        return {trial.number: self._grant_of(trial) for trial in open_trials}

    @cached_property
    def _granted_steps(self) -> int:
        return sum(grant.steps for grant in self._grants.values())

    def _grant_of(self, trial: FrozenTrial) -> Grant:
        height = height_of(trial)
        if is_paused(trial):
            return Grant(landing=height, steps=0)
        # A trial that began before the budget had steps has no grant stored.
        granted = trial.system_attrs.get(GRANTED, self.ladder.landing(height))
        landing = max(height, int(granted))
        return Grant(landing=landing, steps=self.ladder.count(height, landing))


def account_of(
    stored: StoredStudy,
    connection: Connection | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> Account:
    """Read a study's account.

    A holder of the study's lock passes its connection, and `attrs`, the study's user attributes, if
    they were read just now. With a grid, the budget is at most its points and the queued trials.
    """
    budget, trials = budget_of(stored, attrs), trials_of(stored)
    with _connected(stored, connection) as at:
        now, silent = now_of(at), silent_since(at, stored.study_id)
    if stored.origin.points is not None:
        most = stored.origin.points + sum(map(is_given, trials))
        budget = budget.model_copy(update={"trials": min(most, budget.trials or most)})
    return Account(
        budget=budget,
        ladder=stored.ladder,
        direction=stored.definition.direction,
        trials=trials,
        now=now,
        silent=silent,
    )


@contextmanager
def _connected(stored: StoredStudy, connection: Connection | None) -> Iterator[Connection]:
    if connection is not None:
        yield connection
        return
    with database_errors(), stored.database.engine.connect() as own:
        yield own


def spelled(budget: Budget) -> str:
    """Write a budget as in a definition file."""
    return in_toml(budget.model_dump(mode="json", exclude_none=True))
