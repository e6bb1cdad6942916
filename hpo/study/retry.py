"""Another try for trials that have failed."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from hpo.errors import StudyError
from hpo.storage.database import Database, study_lock
from hpo.study.budget import GIVEN, RETRY_OF
from hpo.study.queue import Queued, add
from hpo.study.stored import load, trials_of


def retry(database: Database, name: str, numbers: Sequence[int] | None = None) -> list[Queued]:
    """Queue failed trials again, with their values: those with these numbers, or all.

    The new trial takes the place of the failed one in the budget. One that was retried before is
    left out.

    Raises:
        StudyError: there is no such study, or a trial of that number did not fail.
    """
    stored = load(database, name)
    with study_lock(database, name):
        trials = trials_of(stored)
        retried = {trial.user_attrs.get(RETRY_OF): trial.number for trial in trials}
        queued: list[Queued] = []
        for failed in _chosen(name, trials, numbers):
            values = failed.params or failed.system_attrs.get(GIVEN, {})
            number = retried.get(failed.number)
            if number is None:
                add(stored.study, values, {RETRY_OF: failed.number})
                number = len(trials) + sum(one.is_new for one in queued)
                queued.append(Queued(number=number, values=values, is_new=True))
            else:
                queued.append(Queued(number=number, values=values, is_new=False))
    return queued


def _chosen(
    name: str, trials: Sequence[FrozenTrial], numbers: Sequence[int] | None
) -> list[FrozenTrial]:
    failed = {trial.number: trial for trial in trials if trial.state is TrialState.FAIL}
    for number in numbers or ():
        if number not in failed:
            known = ", ".join(map(str, failed)) or "none"
            raise StudyError(f'study "{name}": trial {number} has not failed; failed are: {known}')
    return [*failed.values()] if numbers is None else [failed[number] for number in numbers]
