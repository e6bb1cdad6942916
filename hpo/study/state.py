"""The status of a study at one moment."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from optuna.trial import FrozenTrial, TrialState

from hpo.definition import Budget
from hpo.storage.keys import ERROR
from hpo.study.budget import Account, account_of
from hpo.study.control import Control, Want, control_of
from hpo.study.gist import gist
from hpo.study.stored import StoredStudy, trials_of
from hpo.study.trials import completed, is_queued


class StudyState(StrEnum):
    """What a study is doing."""

    NEW = "new"  # no trial has begun
    RUNNING = "running"  # a worker has a trial, and was heard of within the grace period
    INTERRUPTED = "interrupted"  # the budget is not spent, and no worker has a trial
    PAUSED = "paused"  # it was paused, and no worker has a trial
    STOPPED = "stopped"  # it was stopped or cancelled, and no worker has a trial
    FINISHED = "finished"  # the budget is spent, and every trial has ended


@dataclass(frozen=True, kw_only=True)
class Status:
    """The status of a study at one moment."""

    name: str
    direction: str
    state: StudyState
    control: Control
    budget: Budget
    counts: dict[str, int]  # of trials, by state in lower case
    ended: int  # trials, except those that failed and were retried
    silent: int  # running trials without a heartbeat for the grace period
    steps: int  # reported by all trials together
    worked: timedelta  # time during which at least one trial ran
    left: timedelta | None  # an estimate
    best: FrozenTrial | None
    error: str | None  # of the newest failed trial that was not retried


def status(stored: StoredStudy) -> Status:
    """Read the status of a study.

    Raises:
        StudyError: somebody has deleted it.
    """
    account, control = account_of(stored), control_of(stored)
    return Status(
        name=stored.study.study_name,
        direction=stored.definition.direction,
        state=_state(account, control),
        control=control,
        budget=account.budget,
        counts=_counts(account.trials),
        ended=sum(trial.state.is_finished() for trial in account.without_replaced),
        silent=len(account.silent),
        steps=account.steps,
        worked=account.worked,
        left=account.time_left,
        best=next(iter(account.completed), None),
        error=_last_error(account.without_replaced),
    )


def best_trials(stored: StoredStudy) -> list[FrozenTrial]:
    """Return a study's complete trials, the best first, ties by number."""
    return completed(trials_of(stored), stored.definition.direction)


def _state(account: Account, control: Control) -> StudyState:
    running = [trial for trial in account.trials if trial.state is TrialState.RUNNING]
    if any(trial.number not in account.silent for trial in running):
        return StudyState.RUNNING
    if account.is_finished:
        return StudyState.FINISHED
    if control.want is not Want.RUN:
        return StudyState.PAUSED if control.want is Want.PAUSE else StudyState.STOPPED
    return StudyState.NEW if all(map(is_queued, account.trials)) else StudyState.INTERRUPTED


def _counts(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    found = Counter(trial.state for trial in trials)
    return {state.name.lower(): found[state] for state in TrialState}


def _last_error(trials: Sequence[FrozenTrial]) -> str | None:
    failed = [trial for trial in trials if trial.state is TrialState.FAIL]
    errors = [str(t.user_attrs[ERROR]).strip() for t in failed if ERROR in t.user_attrs]
    return gist(errors[-1]) if errors else None
