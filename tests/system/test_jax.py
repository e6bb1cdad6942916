"""A network that Keras trains with JAX."""

import os
import signal
import sys
from pathlib import Path

import pytest
from blobs import write_definition
from shell import TESTS, end, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def jax_shell(shell):
    """A shell whose Keras trains with JAX."""
    shell.environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), str(Path(sys.prefix) / "jax")])
    shell.environment["KERAS_BACKEND"] = "jax"
    shell.environment["JAX_COMPILATION_CACHE_DIR"] = str(shell.folder / "compiled")
    shell.environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    return shell


def write_study(shell):
    """Write down a study of one network, and rows for it."""
    shell.hpo("data", "make", "digits", "--train", 240, "--test", 100)
    write_definition(
        shell.folder,
        name="small-cnn",
        model="cnn",
        data={"train": "digits/train.npy", "shape": [28, 28, 1], "range": [0, 1]},
        space={"dropout": {"low": 0.1, "high": 0.5}},
        fixed={"blocks": 1, "dense_units": 16, "batch_size": 8, "epochs": 12, "ema": 0.9},
        budget={"trials": 1},
    )


def test_a_trial_handed_back_ends_as_its_script_does(jax_shell, watch):
    watch.name = "small-cnn"
    write_study(jax_shell)
    assert "ok   device" in jax_shell.hpo("check").stdout
    jax_shell.hpo("create", "small-cnn.toml")
    worker = jax_shell.start_hpo("worker", "small-cnn")
    until(lambda: any(trial.intermediate_values for trial in watch.trials()))
    worker.send_signal(signal.SIGTERM)
    assert end(worker).returncode == 0
    assert watch.states() == ["waiting"]
    said = jax_shell.hpo("worker", "small-cnn").stderr
    assert watch.states() == ["complete"]
    assert "is not saved" not in said

    jax_shell.hpo("export", "small-cnn", "-o", "train.py")
    assert "It needs keras, jax, numpy" in (jax_shell.folder / "train.py").read_text()
    verified = end(jax_shell.start("train.py", "--data", "digits/train.npy", "--verify"))
    assert verified.stdout.endswith("tolerance 0\nverified\n"), verified.stdout + verified.stderr


def test_a_library_that_keras_does_not_know_is_named(jax_shell):
    write_study(jax_shell)
    jax_shell.hpo("create", "small-cnn.toml")
    jax_shell.environment["KERAS_BACKEND"] = "numb"
    said = jax_shell.hpo("worker", "small-cnn", code=2).stderr
    assert said.endswith("hpo.training.cnn can't be imported: Unable to import backend : numb\n")
    said = jax_shell.hpo("check", code=1).stdout
    assert "BAD  versions  KERAS_BACKEND=numb: numb is not installed\n" in said
    assert "BAD  device    Keras can't be loaded with numb: " in said
