"""Errors in trials: which may pass, and which are the same bug again and again."""

import math
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from optuna.trial import FrozenTrial, TrialState

from hpo.errors import HpoError, InputError
from hpo.storage.failures import MAPPED, describe
from hpo.storage.keys import ERROR, OWNER, RAISED
from hpo.study import gist, is_at_rest, runs_of

MOST_RETRIES = 2
SAME_BUGS = 3  # consecutive failures after which the study is stopped

# How Keras' backends report that a device is out of memory.
OUT_OF_MEMORY = ("ResourceExhaustedError", "OutOfMemoryError", "MemoryError")
RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"


class Diverged(HpoError):  # noqa: N818 - an event, not a failure
    """A trial has reported a value that is not a finite number."""


class SickMachine(InputError):  # noqa: N818 - what is wrong is here
    """Trials fail on this machine, and nowhere else."""


def passing(error: Exception) -> str | None:
    """Describe an error after which a trial may succeed if tried again; None if it is a bug."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & set(OUT_OF_MEMORY) or RESOURCE_EXHAUSTED in str(error):
        return f"out of memory: {_said(error)}"
    if isinstance(error, OSError):
        return f"input or output failed: {_said(error)}"
    if isinstance(error, MAPPED):
        return describe(error)
    return None


def raised_at(error: BaseException) -> str:
    """Return an error's type and the line that raised it, without the message.

    The message may differ from trial to trial. Of an exception group its last member is included:
    whatever raises groups raises all of them in the same line.
    """
    kind = "".join(traceback.format_exception_only(error)).split(":")[0].strip()
    frames = traceback.extract_tb(error.__traceback__)
    where = [f' in File "{one.filename}", line {one.lineno}, in {one.name}' for one in frames[-1:]]
    at = "".join([kind, *where])
    return (
        f"{at}, of {raised_at(error.exceptions[-1])}"
        if isinstance(error, BaseExceptionGroup)
        else at
    )


@dataclass(frozen=True)
class SameBug:
    """The error with which all of the last trials failed."""

    error: str  # what was raised, and where, in one line
    trials: Sequence[FrozenTrial]

    @classmethod
    def of(cls, trials: Iterable[FrozenTrial]) -> Self | None:
        """Look at the trials that ended last; None unless all of them failed with one error.

        A trial that waits at a rung counts as ended, and not as failed.
        """
        ended = filter(is_at_rest, trials)
        last = sorted(ended, key=lambda trial: (_let_go(trial), trial.number))[-SAME_BUGS:]
        if len(last) < SAME_BUGS or any(trial.state is not TrialState.FAIL for trial in last):
            return None
        error, *others = {_bug_of(trial) for trial in last}
        return None if others or not error else cls(error, last)

    @classmethod
    def of_worker(cls, trials: Iterable[FrozenTrial], worker: "Worker") -> Self | None:
        """Look at the last trials of one worker process.

        Not at those of its machine: one of the machine's devices may be broken.
        """
        return cls.of(trial for trial in trials if worker_of(trial) == worker)

    def spares_others(self, trials: Sequence[FrozenTrial], *, since: bool = False) -> bool:
        """Whether only one machine meets the bug, and other workers do well.

        A broken device fails trials faster than all others succeed, and only its machine should
        stop. A worker does well if it has ended a trial or reports the steps of one. With `since`,
        only what it did after the first of these failures began counts. Other processes of the
        same machine count only while they work: one that has left may have done well with what
        fails now.
        """
        ours = {worker_of(trial) for trial in self.trials}
        hosts = {worker.host for worker in ours}
        began = min(map(_began, self.trials))
        lately = [t for t in trials if t.state is TrialState.RUNNING or _let_go(t) >= began]
        at_work = {worker_of(trial) for trial in lately}
        well = {worker_of(t) for t in (lately if since else trials) if _does_well(t)} - ours
        return len(hosts) == 1 and any(one.host not in hosts or one in at_work for one in well)


class Worker(NamedTuple):
    """A process that works on trials."""

    host: str
    process: str


def worker_of(trial: FrozenTrial) -> Worker:
    """Return the process that has a trial, or had it last."""
    host, process, *_ = f"{trial.system_attrs.get(OWNER, '')}:".split(":")
    return Worker(host, process)


def _bug_of(trial: FrozenTrial) -> str:
    """Return what failed a trial; nothing was raised where its workers died."""
    return str(trial.system_attrs.get(RAISED) or gist(str(trial.user_attrs.get(ERROR, ""))))


def _does_well(trial: FrozenTrial) -> bool:
    if trial.state in {TrialState.RUNNING, TrialState.WAITING}:
        return bool(trial.intermediate_values)
    return trial.state in {TrialState.COMPLETE, TrialState.PRUNED}


# In POSIX seconds: local times may have been changed meanwhile.


def _began(trial: FrozenTrial) -> float:
    return trial.datetime_start.timestamp() if trial.datetime_start else math.inf


def _let_go(trial: FrozenTrial) -> float:
    return max((end for _, end in runs_of(trial)), default=-math.inf)


def _said(error: Exception) -> str:
    return gist("".join(traceback.format_exception_only(error)))
