"""What can go wrong in a trial, and what to do about it."""

import traceback
from collections.abc import Sequence
from datetime import datetime

from optuna.trial import FrozenTrial, TrialState

from hpo.errors import HpoError, InputError
from hpo.storage.failures import MAPPED, describe
from hpo.storage.ownership import OWNER
from hpo.study import ERROR, gist, raised_at

MOST_RETRIES = 2
SAME_BUGS = 3  # one after another, and the study is stopped

# How the backends of Keras say that a device's memory is full.
OUT_OF_MEMORY = ("ResourceExhaustedError", "OutOfMemoryError", "MemoryError")
RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"


class Diverged(HpoError):  # noqa: N818 - an event, not a failure
    """A trial has reported what is no finite number."""


class SickMachine(InputError):  # noqa: N818 - what is wrong is here
    """Trials fail on this machine, and nowhere else."""


def passing(error: Exception) -> str | None:
    """Say why a trial may succeed if it is tried again; None where it is a bug."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & set(OUT_OF_MEMORY) or RESOURCE_EXHAUSTED in str(error):
        return f"out of memory: {_said(error)}"
    if isinstance(error, OSError):
        return f"input or output failed: {_said(error)}"
    if isinstance(error, MAPPED):
        return describe(error)
    return None


def same_bug(trials: Sequence[FrozenTrial]) -> str | None:
    """Give the bug that has failed each of the trials that ended last, in one line."""
    last = _ended_last(trials)
    bugs = {raised_at(str(trial.user_attrs.get(ERROR, ""))) for trial in last}
    if len(last) < SAME_BUGS or len(bugs) > 1 or any(t.state is not TrialState.FAIL for t in last):
        return None
    (bug,) = bugs
    return bug


def is_of_one_machine(trials: Sequence[FrozenTrial]) -> bool:
    """Whether those that ended last were of one machine, and others' have ended well.

    A broken device fails trials faster than all others succeed, and only its machine is to stop.
    Another process of that machine counts where it still works: one that has left may have done
    well with what fails now.
    """
    failed = _ended_last(trials)
    ours = {_worker(trial) for trial in failed}
    hosts = {host for host, _ in ours}
    began = min(filter(None, (trial.datetime_start for trial in failed)), default=datetime.max)
    at_work = {
        _worker(trial)
        for trial in trials
        if trial.state is TrialState.RUNNING
        or (trial.datetime_complete is not None and trial.datetime_complete >= began)
    }
    well = {_worker(t) for t in trials if t.state in {TrialState.COMPLETE, TrialState.PRUNED}}
    others = {one for one in well - ours if one[0] not in hosts or one in at_work}
    return len(hosts) == 1 and bool(others)


def _ended_last(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    ended = [t for t in trials if t.state.is_finished() and t.datetime_complete is not None]
    return sorted(ended, key=lambda t: (t.datetime_complete, t.number))[-SAME_BUGS:]


def _worker(trial: FrozenTrial) -> tuple[str, str]:
    """Give the machine and the process that had a trial last."""
    host, process, *_ = f"{trial.system_attrs.get(OWNER, '')}:".split(":")
    return host, process


def _said(error: Exception) -> str:
    return gist("".join(traceback.format_exception_only(error)))
