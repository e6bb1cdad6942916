"""The machine that trials run on: its threads, its noise, and what to record of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo.training.environment import environment

RECORDED = ("numpy", "scipy", "scikit-learn", "keras", "tensorflow")

# The variables that hold numerical libraries to a number of threads.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def cores() -> int:
    """Give the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_thread_a_process() -> None:
    """Hold numerical libraries to one thread; must come before the first of them is imported.

    A second thread for one trial costs more than a second trial beside it, and sums that are
    divided among other threads end in other digits: with one, a trial can be repeated exactly.
    """
    os.environ.update(dict.fromkeys(THREADS, "1") | QUIET)


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Keep what native code writes to stderr off the screen; Python's exceptions still pass.

    TensorFlow announces its CPU features there before it reads any setting about logging.
    """
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def recorded_environment() -> dict[str, str]:
    """Give what is recorded with each trial: what its value depends on beside code and data."""
    return environment(RECORDED)
