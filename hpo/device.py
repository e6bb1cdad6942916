"""The machine that trials run on: threads, GPUs, and what is recorded with each trial."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from hpo import gpus
from hpo.errors import InputError
from hpo.training.environment import environment, processor

log = logging.getLogger(__name__)

RECORDED = ("numpy", "scipy", "scikit-learn", "keras")  # packages

BACKENDS = ("tensorflow", "jax", "torch")  # of Keras

# The variables that set the number of threads of numerical libraries.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}

# Faster kernels, which TensorFlow enables by default on some processors only (benchmarks/kernels).
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
    """Limit numerical libraries to one thread; must be called before the first one is imported.

    A second thread speeds a trial up by less than a second trial beside it gains, and the digits of
    a sum depend on the number of threads: with one, a trial can be repeated exactly.
    """
    os.environ.update(dict.fromkeys(THREADS, "1") | QUIET)
    os.environ.setdefault("KERAS_BACKEND", backend())  # Keras would look into a file of the user
    if backend() == BACKENDS[0]:
        os.environ.setdefault(KERNELS, "1")


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Discard what native code writes to stderr in the body.

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
def recorded_environment(modules: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the versions and the processor, which a trial's value depends on, to record them.

    `modules` are those that its training code imports besides. Cached: reading the metadata of
    every installed package takes longer than all else in an empty trial.
    """
    besides = filter(None, map(distribution, modules))
    return environment(dict.fromkeys((*RECORDED, *besides, backend())))


def distribution(module: str) -> str | None:
    """Return the name of the installed package that brings a module; None if none or several do."""
    found = {*_distributions().get(module, ())}
    return found.pop() if len(found) == 1 else None


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return the packages that bring each module; cached, as it reads files of all of them."""
    return packages_distributions()


def recorded_device() -> dict[str, Any]:
    """Return the device that a trial runs on, once its code is imported, to record it."""
    here: dict[str, Any] = {"cpu": processor(), "cores": cores(), "threads": _threads()}
    if "keras" in sys.modules:
        here["backend"] = backend()
    if "tensorflow" in sys.modules and (chosen := os.environ.get(KERNELS)):
        here["kernels"] = chosen
    return here | (_gpu() if gpus_seen() else {})


def _threads() -> int:
    given = os.environ.get(THREADS[0], "")
    return int(given) if given.isdecimal() else cores()


def gpus_seen() -> int:
    """Count the GPUs that the libraries loaded so far can train on.

    Libraries may be built without GPU support, so the one that sees most counts.
    """
    seen, loaded = [0], sys.modules
    if "tensorflow" in loaded:
        seen.append(len(loaded["tensorflow"].config.list_physical_devices("GPU")))
    if "jax" in loaded and backend() == "jax":  # TensorFlow loads JAX, too, and asking uses memory
        seen.append(sum(one.platform == "gpu" for one in loaded["jax"].local_devices()))
    if "torch" in loaded:
        seen.append(loaded["torch"].cuda.device_count())
    return max(seen)


@cache
def _gpu() -> dict[str, str]:
    """Return the first GPU, which libraries use if they see several."""
    try:
        first = gpus.present()[0]
    except InputError as error:
        log.warning("which GPU it is can't be recorded: %s", error)
        return {"gpu": "unknown", "driver": "unknown"}
    return {"gpu": first.name, "driver": first.driver}


def limit_gpu_memory(megabytes: int) -> None:
    """Limit TensorFlow to a part of the GPU's memory; for JAX a variable does, set by the slot.

    Must be called before any code that may use the GPU; imports TensorFlow.
    """
    if backend() != BACKENDS[0]:
        return
    with muted_stderr():
        import tensorflow as tf  # noqa: PLC0415 - slow, and only for those who share a GPU

        part = tf.config.LogicalDeviceConfiguration(memory_limit=megabytes)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.set_logical_device_configuration(gpu, [part])
