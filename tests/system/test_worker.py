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
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_worker_that_is_told_to_stop_hands_its_trial_back(created, watch, number, code):
    worker = created.start_hpo("worker", "blobs")
    until(lambda: any(trial.intermediate_values for trial in watch.trials()))
    worker.send_signal(number)
    stopped = end(worker)
    assert stopped.returncode == code
    assert "finishing the current steps; Ctrl-C again stops at once" in stopped.stderr
    assert "trial 0: WAITING" in stopped.stderr
    assert watch.states() == ["waiting"]


def test_a_worker_that_starts_after_its_parent_has_died_takes_nothing(created, watch):
    created.hpo("worker", "blobs", "--with-parent", os.getpid() + 1, code=130)
    assert watch.states() == []


@pytest.mark.slow
def test_a_worker_without_a_name_takes_up_a_study_that_is_created_later(shell, watch):
    shell.hpo("init")
    worker = shell.start_hpo("worker")
    write_definition(shell.folder)
    shell.hpo("create", "blobs.toml")
    until(lambda: watch.states() == ["complete"] * 3)
    worker.terminate()
    ended = end(worker)
    assert ended.returncode == 0
    assert "no study wants trials now; waiting for one" in ended.stderr


@pytest.mark.slow
def test_workers_without_a_name_end_with_their_supervisor(created, watch):
    supervisor = created.start_hpo("worker", "--workers", 2)
    until(lambda: watch.states().count("running") == 2)
    supervisor.terminate()
    assert end(supervisor).returncode == 0
    assert created.left() == []
    assert watch.states().count("running") == 0


@pytest.mark.slow
@pytest.mark.parametrize(("options", "code"), [([], 1), (["--workers", 2], 0)])
def test_a_worker_waits_for_a_database_that_is_not_up_yet(shell, options, code):
    url = "postgresql://nobody@127.0.0.1:9/none"  # no server uses this port
    shell.environment["HPO_DATABASE_URL"] = url
    worker = shell.start_hpo("worker", "blobs", *options)
    for line in worker.stderr:
        if "trying again" in line:
            break
    assert "connection to server" in line
    worker.terminate()
    assert end(worker).returncode == code
