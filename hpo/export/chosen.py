"""Which trials a script is written for."""

from optuna.trial import FrozenTrial, TrialState

from hpo.errors import StudyError
from hpo.study import StoredStudy, best_trials


def chosen(stored: StoredStudy, number: int) -> list[FrozenTrial]:
    """Give the trial of a number.

    Raises:
        StudyError: there is no such trial, or it has no full evaluation to repeat.
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
    return [trials[number]]


def best(stored: StoredStudy, count: int = 1) -> list[FrozenTrial]:
    """Give the best trials, the best first, of the same params only one.

    Raises:
        StudyError: so many have not climbed all the way.
    """
    name = stored.definition.name
    found: list[FrozenTrial] = []
    for trial in best_trials(stored):
        if all(trial.params != other.params for other in found):
            found.append(trial)
    if not found:
        raise StudyError(f'the study "{name}" has no trial yet that climbed all the way')
    if len(found) < count:
        raise StudyError(
            f'the study "{name}" has only {len(found)} different trials that climbed all the way, '
            f"not {count}"
        )
    return found[:count]
