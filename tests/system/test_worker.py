"""`hpo worker` as a process of its own."""

import os
import signal

import pytest
from blobs import write_definition
from shell import end, until


@pytest.fixture
def created(shell):
    write_definition(shell.folder, fixed={"epochs": 4, "pause": 0.3})
    shell.hpo("create", "blobs.toml")
    return shell


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_told_to_stop_hands_its_trial_back(created, watch, number):
    worker = created.start_hpo("worker", "blobs")
    until(lambda: any(trial.intermediate_values for trial in watch.trials()))
    worker.send_signal(number)
    stopped = end(worker)
    assert stopped.returncode == 130
    assert "trial 0: WAITING" in stopped.stderr
    assert watch.states() == ["waiting"]


def test_a_worker_that_starts_after_its_parent_has_died_takes_nothing(created, watch):
    created.hpo("worker", "blobs", "--with-parent", os.getpid() + 1, code=130)
    assert watch.states() == []
