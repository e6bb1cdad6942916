"""What can go wrong in a trial, and what to do about it."""

import traceback
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from hpo.errors import HpoError
from hpo.storage.failures import MAPPED, describe
from hpo.study import ERROR, gist, raised_at

MOST_RETRIES = 2
SAME_BUGS = 3  # one after another, and the study is stopped

# How the backends of Keras say that a device's memory is full.
OUT_OF_MEMORY = ("ResourceExhaustedError", "OutOfMemoryError", "MemoryError")
RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"


class Diverged(HpoError):  # noqa: N818 - an event, not a failure
    """A trial has reported what is no finite number."""


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
    ended = [t for t in trials if t.state.is_finished() and t.datetime_complete is not None]
    last = sorted(ended, key=lambda t: (t.datetime_complete, t.number))[-SAME_BUGS:]
    bugs = {raised_at(str(trial.user_attrs.get(ERROR, ""))) for trial in last}
    if len(last) < SAME_BUGS or len(bugs) > 1 or any(t.state is not TrialState.FAIL for t in last):
        return None
    (bug,) = bugs
    return bug


def _said(error: Exception) -> str:
    return gist("".join(traceback.format_exception_only(error)))
