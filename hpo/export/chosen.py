"""Choosing the trials to export."""

from optuna.trial import FrozenTrial, TrialState

from hpo.errors import StudyError
from hpo.storage.keys import ENVIRONMENT, SEED
from hpo.study import StoredStudy, best_trials


def chosen(stored: StoredStudy, number: int) -> list[FrozenTrial]:
    """Return the trial with this number, in a list.

    Raises:
        StudyError: there is no such trial, it is not complete, or it has no record of its seed and
            versions.
    """
    name = stored.definition.name
    trials = stored.study.get_trials(deepcopy=False)
    if not 0 <= number < len(trials):
        raise StudyError(f'the study "{name}" has no trial {number}; it has {len(trials)}, from 0')
    state = trials[number].state
    if state is not TrialState.COMPLETE:
        raise StudyError(
            f'trial {number} of the study "{name}" is {state.name.lower()}: '
            "only a complete one has a value to repeat"
        )
    _require_record(name, trials[number])
    return [trials[number]]


def best(stored: StoredStudy, count: int = 1) -> list[FrozenTrial]:
    """Return the best trials, the best first, without duplicates of the same params.

    Raises:
        StudyError: too few trials are complete, or one has no record of its seed and versions.
    """
    name = stored.definition.name
    found: list[FrozenTrial] = []
    for trial in best_trials(stored):
        if len(found) == count:
            break
        if all(trial.params != other.params for other in found):
            found.append(trial)
    if not found:
        raise StudyError(f'the study "{name}" has no trial yet that climbed all the way')
    if len(found) < count:
        raise StudyError(
            f'the study "{name}" has only {len(found)} different trials that climbed all the way, '
            f"not {count}"
        )
    for trial in found:
        _require_record(name, trial)
    return found


def _require_record(name: str, trial: FrozenTrial) -> None:
    """Refuse a trial that was not run by a worker of hpo."""
    if SEED not in trial.user_attrs or ENVIRONMENT not in trial.user_attrs:
        raise StudyError(
            f'trial {trial.number} of the study "{name}" was not run by a worker of hpo: nothing '
            "says with which seed and versions; choose another one with --trial"
        )
