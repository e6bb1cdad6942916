"""What a trial tells: whether it is queued, waits or has ended, and how far it has climbed."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from hpo.definition import Direction
from hpo.storage.keys import GIVEN, PAUSED, RETRY_OF, RUNS


def completed(trials: Sequence[FrozenTrial], direction: Direction) -> list[FrozenTrial]:
    """Return the complete trials, the best first, ties by number."""
    found = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    return sorted(found, key=lambda trial: trial.value or 0.0, reverse=direction == "maximize")


def is_given(trial: FrozenTrial) -> bool:
    """Whether it was queued with given values, not in another one's place."""
    return GIVEN in trial.system_attrs and RETRY_OF not in trial.user_attrs


def begun(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Leave out the trials that are only queued."""
    return [trial for trial in trials if not is_queued(trial)]


def is_queued(trial: FrozenTrial) -> bool:
    """Whether it waits for its first worker; one that was handed back waits for another."""
    return trial.state is TrialState.WAITING and trial.datetime_start is None


def is_paused(trial: FrozenTrial) -> bool:
    """Whether a trial waits at a rung."""
    return trial.state is TrialState.WAITING and trial.system_attrs.get(PAUSED) is not None


def is_at_rest(trial: FrozenTrial) -> bool:
    """Whether a trial has ended or waits at a rung, where most come to their ends."""
    return trial.state.is_finished() or is_paused(trial)


def runs_of(trial: FrozenTrial, until: float | None = None) -> list[tuple[float, float]]:
    """Return when workers began with a trial and let go of it; one that still runs, until then.

    In POSIX seconds: between two local times the clocks may have been changed.
    """
    runs = [(begin, end) for begin, end in trial.user_attrs.get(RUNS, [])]
    began, ended = trial.datetime_start, trial.datetime_complete
    if trial.state is TrialState.RUNNING and began and until is not None:
        runs.append((began.timestamp(), max(began.timestamp(), until)))
    if not runs and began and ended:  # not by a worker of ours
        runs.append((began.timestamp(), ended.timestamp()))
    return runs


def height_of(trial: FrozenTrial) -> int:
    """Return the last step that a trial has reported; 0 before the first."""
    return max(trial.intermediate_values, default=0)
