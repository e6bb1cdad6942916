"""Retrying failed trials."""

from collections.abc import Sequence
from itertools import count

from optuna.trial import FrozenTrial, TrialState

from hpo.errors import StudyError
from hpo.storage.database import Database, study_lock
from hpo.storage.keys import GIVEN, RETRY_OF
from hpo.storage.numbering import number_exclusively
from hpo.storage.queueing import NewTrial, queue
from hpo.study.budget import account_of
from hpo.study.queue import Queued, spent
from hpo.study.stored import load_study


def retry(database: Database, name: str, numbers: Sequence[int] | None = None) -> list[Queued]:
    """Queue failed trials again with their values: those with these numbers, or all.

    A new trial takes the place of the failed one in the budget. Trials that were retried before are
    not queued again.

    Raises:
        StudyError: there is no such study, a trial with one of the numbers has not failed, or no
            time or steps are left for another try.
    """
    stored = load_study(database, name)
    with study_lock(database, name) as connection:
        number_exclusively(connection, stored.study_id)
        account = account_of(stored, connection)
        trials = account.trials
        retried = {trial.user_attrs.get(RETRY_OF): trial.number for trial in trials}
        tries = [(one, retried.get(one.number)) for one in _chosen(name, trials, numbers)]
        if account.is_closed and any(number is None for _, number in tries):
            raise spent(stored, account)
        queued, new, following = [], [], count(len(trials))
        for failed, number in tries:
            values = failed.params or failed.system_attrs.get(GIVEN, {})
            if number is None:
                new.append(NewTrial(values=values, user_attrs={RETRY_OF: failed.number}))
            given = next(following) if number is None else number
            queued.append(Queued(number=given, values=values, is_new=number is None))
        queue(connection, stored.study_id, new)
    return queued


def _chosen(
    name: str, trials: Sequence[FrozenTrial], numbers: Sequence[int] | None
) -> list[FrozenTrial]:
    failed = {trial.number: trial for trial in trials if trial.state is TrialState.FAIL}
    wanted = list(dict.fromkeys(numbers or ()))
    for number in wanted:
        if number not in failed:
            known = ", ".join(map(str, failed)) or "none"
            raise StudyError(
                f'study "{name}": trial {number} has not failed; the failed trials are: {known}'
            )
    return [*failed.values()] if numbers is None else [failed[number] for number in wanted]
