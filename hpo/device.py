"""The machine that trials run on: its threads, its noise, and what to record of it."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RECORDED = ("numpy", "scipy", "scikit-learn", "keras", "tensorflow")

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def one_thread_a_process() -> None:
    """Hold numerical libraries to one thread; must come before the first of them is imported.

    A second thread for one trial costs more than a second trial beside it, and sums that are
    divided among other threads end in other digits: with one, a trial can be repeated exactly.
    """
    os.environ.update(ONE_THREAD | QUIET)


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


def environment() -> dict[str, str]:
    """Give the versions and the processor that a trial's value depends on."""
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in RECORDED},
        "machine": platform.machine(),
        "processor": _processor(),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # there is no such file outside Linux
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
