"""What a trial's record says: whether it is queued, paused or ended, and how far it has climbed."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from hpo.definition import Direction
from hpo.storage.keys import GIVEN, PAUSED, RETRY_OF, RUNS


def completed(trials: Sequence[FrozenTrial], direction: Direction) -> list[FrozenTrial]:
    """Return the complete trials, the best first, ties by number."""
    found = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    return sorted(found, key=lambda trial: trial.value or 0.0, reverse=direction == "maximize")


def is_given(trial: FrozenTrial) -> bool:
    """Whether a trial was queued with given values, and not as a retry."""
    return GIVEN in trial.system_attrs and RETRY_OF not in trial.user_attrs


def begun(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that have begun, that is all that are not queued."""
    return [trial for trial in trials if not is_queued(trial)]


def is_queued(trial: FrozenTrial) -> bool:
    """Whether a trial waits for its first worker; one that was handed back has had one."""
    return trial.state is TrialState.WAITING and trial.datetime_start is None


def is_paused(trial: FrozenTrial) -> bool:
    """Whether a trial waits at a rung."""
    return trial.state is TrialState.WAITING and trial.system_attrs.get(PAUSED) is not None


def is_at_rest(trial: FrozenTrial) -> bool:
    """Whether a trial has ended or waits at a rung, which most never leave."""
    return trial.state.is_finished() or is_paused(trial)


def runs_of(trial: FrozenTrial, until: float | None = None) -> list[tuple[float, float]]:
    """Return the periods (begin, end) in which workers ran a trial, in POSIX seconds.

    The period of a running trial ends at `until`. POSIX time is immune to changes of local time.
    """
    runs = [(begin, end) for begin, end in trial.user_attrs.get(RUNS, [])]
    began, ended = trial.datetime_start, trial.datetime_complete
    if trial.state is TrialState.RUNNING and began and until is not None:
        runs.append((began.timestamp(), max(began.timestamp(), until)))
    if not runs and began and ended:  # another program ran it
        runs.append((began.timestamp(), ended.timestamp()))
    return runs


def first_begin(trial: FrozenTrial) -> float | None:
    """Return when the first worker began a trial, in POSIX seconds; None if none has.

    Its `datetime_start` is when the last one did.
    """
    began = trial.datetime_start
    begins = (begin for begin, _ in runs_of(trial))
    return min(begins, default=began.timestamp() if began else None)


def height_of(trial: FrozenTrial) -> int:
    """Return the last step that a trial has reported; 0 before the first."""
    return max(trial.intermediate_values, default=0)
