"""A study's budget: what was spent of it, and when it is done."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hpo.definition import Budget, parse
from hpo.search_space import Grid
from hpo.storage.ownership import RUNS
from hpo.study.stored import DEFINITION, StoredStudy, attrs_of, space_of, trials_of

GIVEN = "fixed_params"  # Optuna's name for the values that a trial was queued with


def budget_of(stored: StoredStudy, attrs: Mapping[str, Any] | None = None) -> Budget:
    """Give a study's budget, read anew: it may have been changed since the study was loaded.

    Where a grid is walked, it has no more trials than that has points, beside those queued.
    attrs is what is stored with the study, where that was read just now.
    """
    content = (attrs or attrs_of(stored))[DEFINITION]
    budget = parse(content, f'study "{stored.definition.name}"').budget
    if stored.definition.sampler.name != "grid":
        return budget
    points = Grid(space_of(stored.definition)).size + sum(map(is_given, trials_of(stored)))
    return budget.model_copy(update={"trials": min(points, budget.trials or points)})


def is_given(trial: FrozenTrial) -> bool:
    """Whether it was queued with given values."""
    return GIVEN in trial.system_attrs


def is_spent(budget: Budget, trials: Sequence[FrozenTrial], now: datetime) -> bool:
    """Whether the budget lets no further trial begin; those that have begun may end."""
    return not may_climb(budget, trials, now) or (
        budget.trials is not None and len(begun(trials)) >= budget.trials
    )


def may_climb(
    budget: Budget, trials: Sequence[FrozenTrial], now: datetime, reserved: int = 0
) -> bool:
    """Whether the budget has steps and time left, beside a number of steps that are reserved."""
    return (budget.steps is None or steps_of(trials) + reserved < budget.steps) and (
        budget.wall_time is None or worked(trials, now) < budget.wall_time
    )


def is_finished(budget: Budget, trials: Sequence[FrozenTrial], now: datetime) -> bool:
    """Whether the budget is spent and every trial has ended that has begun."""
    return is_spent(budget, trials, now) and all(
        trial.state.is_finished() for trial in begun(trials)
    )


def begun(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Leave out the trials that are only queued."""
    return [trial for trial in trials if not is_queued(trial)]


def is_queued(trial: FrozenTrial) -> bool:
    """Whether it waits for its first worker; one that was handed back waits for another."""
    return trial.state is TrialState.WAITING and trial.datetime_start is None


def steps_of(trials: Sequence[FrozenTrial]) -> int:
    """Count the steps that all trials together have reported."""
    return sum(len(trial.intermediate_values) for trial in trials)


def worked(trials: Sequence[FrozenTrial], now: datetime) -> timedelta:
    """Add up the time in which at least one trial ran, however many ran at once."""
    total, covered = timedelta(0), datetime.min
    for start, end in sorted(run for trial in trials for run in runs_of(trial, now)):
        total += max(timedelta(0), end - max(start, covered))
        covered = max(covered, end)
    return total


def runs_of(trial: FrozenTrial, now: datetime | None = None) -> list[tuple[datetime, datetime]]:
    """Give when workers began with a trial and let go of it; one that still runs, until now."""
    recorded = trial.user_attrs.get(RUNS, [])
    runs = [(datetime.fromtimestamp(a), datetime.fromtimestamp(b)) for a, b in recorded]
    if trial.state is TrialState.RUNNING and trial.datetime_start and now:
        runs.append((trial.datetime_start, now))
    if not runs and trial.datetime_start and trial.datetime_complete:  # not by a worker of ours
        runs.append((trial.datetime_start, trial.datetime_complete))
    return runs


def time_left(budget: Budget, trials: Sequence[FrozenTrial], now: datetime) -> timedelta | None:
    """Guess from the pace so far; None before the first trial has ended."""
    ended = sum(trial.state.is_finished() for trial in trials)
    if not ended:
        return None
    so_far = worked(trials, now)
    guesses = [
        *([so_far * (budget.trials / ended - 1)] if budget.trials else []),
        *([so_far * (budget.steps / max(1, steps_of(trials)) - 1)] if budget.steps else []),
        *([budget.wall_time - so_far] if budget.wall_time else []),
    ]
    return max(min(guesses), timedelta())
