"""A study's budget: what was spent of it, and when it is done."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from optuna.trial import FrozenTrial, TrialState

from hpo.definition import Budget, parse
from hpo.study.stored import DEFINITION, StoredStudy


def budget_of(stored: StoredStudy) -> Budget:
    """Give a study's budget, read anew: it may have been changed since the study was loaded."""
    content = stored.study.user_attrs[DEFINITION]
    return parse(content, f'study "{stored.definition.name}"').budget


def is_spent(budget: Budget, trials: Sequence[FrozenTrial]) -> bool:
    """Whether the budget lets no further trial begin; those that have begun may end."""
    return (
        (budget.trials is not None and len(begun(trials)) >= budget.trials)
        or (budget.steps is not None and steps_of(trials) >= budget.steps)
        or (budget.wall_time is not None and worked(trials) >= budget.wall_time)
    )


def is_finished(budget: Budget, trials: Sequence[FrozenTrial]) -> bool:
    """Whether the budget is spent and every trial has ended that has begun."""
    return is_spent(budget, trials) and all(trial.state.is_finished() for trial in begun(trials))


def begun(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Leave out the trials that are only queued."""
    return [trial for trial in trials if not is_queued(trial)]


def is_queued(trial: FrozenTrial) -> bool:
    """Whether it waits for its first worker; one that was handed back waits for another."""
    return trial.state is TrialState.WAITING and trial.datetime_start is None


def steps_of(trials: Sequence[FrozenTrial]) -> int:
    """Count the steps that all trials together have reported."""
    return sum(len(trial.intermediate_values) for trial in trials)


def worked(trials: Sequence[FrozenTrial]) -> timedelta:
    """Add up the time in which at least one trial ran, however many ran at once."""
    now = datetime.now()  # Optuna gives naive local times
    runs = sorted(
        (trial.datetime_start, trial.datetime_complete or now)
        for trial in trials
        if trial.datetime_start and trial.state is not TrialState.WAITING
    )
    total, covered = timedelta(0), datetime.min
    for start, end in runs:
        total += max(timedelta(0), end - max(start, covered))
        covered = max(covered, end)
    return total


def time_left(budget: Budget, trials: Sequence[FrozenTrial]) -> timedelta | None:
    """Guess from the pace so far; None before the first trial has ended."""
    ended = sum(trial.state.is_finished() for trial in trials)
    if not ended:
        return None
    so_far = worked(trials)
    guesses = [
        *([so_far * (budget.trials / ended - 1)] if budget.trials else []),
        *([so_far * (budget.steps / max(1, steps_of(trials)) - 1)] if budget.steps else []),
        *([budget.wall_time - so_far] if budget.wall_time else []),
    ]
    return max(min(guesses), timedelta())
