"""The machine that trials run on: its threads, its noise, and what to record of it."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from hpo import gpus
from hpo.errors import InputError
from hpo.training.environment import environment, processor

log = logging.getLogger(__name__)

RECORDED = ("numpy", "scipy", "scikit-learn", "keras")

BACKENDS = ("tensorflow", "jax", "torch")  # of Keras

# The variables that hold numerical libraries to a number of threads.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}

# Faster kernels, which TensorFlow turns on by itself on some processors only (benchmarks/kernels).
KERNELS = "TF_ENABLE_ONEDNN_OPTS"


def backend() -> str:
    """Return the library that Keras trains with: TensorFlow, unless KERAS_BACKEND names another."""
    return os.environ.get("KERAS_BACKEND") or BACKENDS[0]


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_one_thread() -> None:
    """Hold numerical libraries to one fast thread; must come before the first of them is imported.

    A second thread for one trial costs more than a second trial beside it, and sums that are
    divided among other threads end in other digits: with one, a trial can be repeated exactly.
    """
    os.environ.update(dict.fromkeys(THREADS, "1") | QUIET)
    if backend() == BACKENDS[0]:
        os.environ.setdefault(KERNELS, "1")


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


@cache
def recorded_environment() -> dict[str, str]:
    """Return what is recorded with each trial: what its value depends on beside code and data.

    It reads the metadata of every installed package, which takes longer than all else in an
    empty trial, and is the same for as long as the process lives.
    """
    return environment((*RECORDED, backend()))


def recorded_device() -> dict[str, Any]:
    """Return what a trial runs on, once its code is imported: it says how fast the trial was."""
    here: dict[str, Any] = {"cpu": processor(), "cores": cores(), "threads": _threads()}
    if "tensorflow" in sys.modules and (chosen := os.environ.get(KERNELS)):
        here["kernels"] = chosen
    return here | (_gpu() if gpus_seen() else {})


def _threads() -> int:
    given = os.environ.get(THREADS[0], "")
    return int(given) if given.isdecimal() else cores()


def gpus_seen() -> int:
    """Count the GPUs that libraries loaded here can train on; many see none beside a good one."""
    seen, loaded = [0], sys.modules
    if "tensorflow" in loaded:
        seen.append(len(loaded["tensorflow"].config.list_physical_devices("GPU")))
    if "jax" in loaded and backend() == "jax":  # TensorFlow loads it, too, and asking takes memory
        seen.append(sum(one.platform == "gpu" for one in loaded["jax"].local_devices()))
    if "torch" in loaded:
        seen.append(loaded["torch"].cuda.device_count())
    return max(seen)


@cache
def _gpu() -> dict[str, str]:
    """Return the GPU that libraries take where they see several, the first."""
    try:
        first = gpus.present()[0]
    except InputError as error:
        log.warning("the GPU is not recorded: %s", error)
        return {}
    return {"gpu": first.name, "driver": first.driver}


def limit_gpu_memory(megabytes: int) -> None:
    """Hold TensorFlow to a part of the GPU's memory; JAX reads a variable that says so (slots).

    Must come before any code that may use the GPU; it imports TensorFlow.
    """
    if backend() != BACKENDS[0]:
        return
    with muted_stderr():
        import tensorflow as tf  # noqa: PLC0415 - slow, and only for those who share a GPU

        part = tf.config.LogicalDeviceConfiguration(memory_limit=megabytes)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.set_logical_device_configuration(gpu, [part])
