"""What can go wrong in a trial, and what to do about it."""

import math
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from optuna.trial import FrozenTrial, TrialState

from hpo.errors import HpoError, InputError
from hpo.storage.failures import MAPPED, describe
from hpo.storage.keys import ERROR, OWNER
from hpo.study import gist, is_at_rest, raised_at, runs_of

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


@dataclass(frozen=True)
class SameBug:
    """What failed each of the trials that ended last."""

    error: str  # in one line
    trials: Sequence[FrozenTrial]

    @classmethod
    def of(cls, trials: Iterable[FrozenTrial]) -> Self | None:
        """Look at the trials that ended last; None where not all of them failed, or not alike.

        One that has come to rest at a rung counts as ended: it was no failure.
        """
        ended = filter(is_at_rest, trials)
        last = sorted(ended, key=lambda trial: (_let_go(trial), trial.number))[-SAME_BUGS:]
        if len(last) < SAME_BUGS or any(trial.state is not TrialState.FAIL for trial in last):
            return None
        error, *others = {raised_at(str(trial.user_attrs.get(ERROR, ""))) for trial in last}
        return None if others or not error else cls(error, last)

    @classmethod
    def of_worker(cls, trials: Iterable[FrozenTrial], worker: "Worker") -> Self | None:
        """Look at a worker's own last trials.

        A process is judged, not its machine: of the machine's devices, one may be broken.
        """
        return cls.of(trial for trial in trials if worker_of(trial) == worker)

    def spares_others(self, trials: Sequence[FrozenTrial], *, since: bool = False) -> bool:
        """Whether it is one machine's alone: workers of others do well.

        With since, what they did before the first of these failures began does not count.

        A broken device fails trials faster than all others succeed, and only its machine is to
        stop. Who has ended a trial does well, or reports the steps of one. Another process of the
        same machine counts only while it works: one that has left may have done well with what
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
    """Return who has a trial, or had it last."""
    host, process, *_ = f"{trial.system_attrs.get(OWNER, '')}:".split(":")
    return Worker(host, process)


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
