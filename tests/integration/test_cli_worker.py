"""What `hpo worker` and `hpo run` say before or instead of working."""

import logging
import time
from contextlib import ExitStack
from threading import Thread

import pytest
from blobs import write_definition
from optuna.trial import TrialState

from hpo.study import Want, load_study, set_control
from hpo.worker.lease import Outcome


@pytest.fixture
def refused(hpo, rows, nvidia_smi):
    write_definition(rows.parent)
    hpo("create", "blobs.toml")
    nvidia_smi()

    def refuse(*arguments):
        said = hpo("worker", *arguments)
        assert said.out == ""
        assert said.err.startswith("hpo: ")
        assert said.err.count("\n") == 1
        return said.code, said.err[5:-1]

    return refuse


def test_workers_and_gpus_contradict_each_other(refused):
    code, said = refused("blobs", "--workers", 2, "--gpus", "all")
    assert code == 2
    assert said.startswith("--workers and --gpus contradict each other: leave out --workers")


def test_a_number_for_each_gpu_needs_gpus(refused):
    assert refused("blobs", "--per-gpu", 2) == (2, "--per-gpu needs --gpus")


def test_a_gpu_that_is_not_there_is_named(refused):
    code, said = refused("blobs", "--gpus", "0,7")
    assert code == 2
    assert said == '--gpus 0,7: there is no GPU "7"; here are 0 (Fake 1), 1 (Fake 2)'


def test_a_machine_without_gpus_is_told_what_was_tried(refused, nvidia_smi):
    nvidia_smi("echo No devices were found; exit 6")
    code, said = refused("blobs", "--gpus", "all")
    assert code == 2
    assert said.startswith("no GPU was found: `nvidia-smi --query-gpu=index,uuid,name,")
    assert said.endswith("says: No devices were found")


def test_where_no_temporary_file_can_be_written_no_trial_is_taken(
    refused, database, monkeypatch, tmp_path
):
    place = tmp_path / "full"
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(place))
        code, said = refused("blobs")
    assert code == 1  # it may pass: a supervisor tries again
    assert said.startswith("no temporary folder can be made: [Errno 2] No such file or directory")
    assert said.endswith("; set TMPDIR to a folder with space")
    assert load_study(database, "blobs").study.trials == []


def test_an_unknown_study_starts_no_process(refused):
    code, said = refused("nobody", "--workers", 2)
    assert code == 2
    assert said == 'there is no study "nobody"; the database has: blobs'


def test_a_worker_that_was_not_counted_works_in_this_process(hpo, rows, caplog):
    caplog.set_level(logging.INFO)
    write_definition(rows.parent)
    hpo("create", "blobs.toml")
    said = hpo("worker", "blobs")
    assert said.code == 0
    assert "blobs is finished" in caplog.messages
    assert not any("process" in message for message in caplog.messages)


def test_one_worker_that_was_counted_is_supervised(hpo, rows, caplog):
    caplog.set_level(logging.INFO)
    write_definition(rows.parent, budget={"trials": 1})
    hpo("create", "blobs.toml")
    hpo("worker", "blobs", "--workers", 1)
    assert any(message.startswith("worker-1: process ") for message in caplog.messages)


def test_a_worker_says_why_it_has_nothing_to_do(hpo, create_study, database, caplog):
    caplog.set_level(logging.INFO)
    create_study()
    set_control(database, "blobs", Want.CANCEL)
    assert hpo("worker", "blobs").code == 0
    assert "blobs was cancelled; `hpo resume blobs` lets it go on" in caplog.messages
    set_control(database, "blobs", Want.RUN)
    hpo("worker", "blobs")
    assert "blobs is finished" in caplog.messages


def test_a_run_of_a_stopped_study_starts_no_worker(hpo, create_study, database, tmp_path):
    create_study()
    write_definition(tmp_path)
    set_control(database, "blobs", Want.STOP)
    said = hpo("run", "blobs.toml")
    assert said.code == 2
    assert said.err == "hpo: blobs was stopped; `hpo resume blobs` lets it go on\n"


def test_a_worker_that_starts_in_an_outage_takes_nobodys_trial_that_comes_back_a_little_later(
    hpo, create_study, leases, make_stale, unreachable, monkeypatch
):
    monkeypatch.setenv("HPO_GRACE", "6")
    stored = create_study(budget={"trials": 1})
    lease = leases(stored).take()
    make_stale()
    ends = []

    def come_back():
        time.sleep(1)
        network.close()
        time.sleep(4)
        lease.end(Outcome(state=TrialState.COMPLETE, value=0.5))
        ends.append(lease.number)

    with ExitStack() as network:
        network.enter_context(unreachable())
        other = Thread(target=come_back)
        other.start()
        said = hpo("worker", "blobs")
        other.join()
    assert said.code == 0
    assert ends == [0]  # LeaseLost otherwise
    assert [trial.value for trial in stored.study.trials] == [0.5]


def test_a_worker_that_is_started_again_takes_over_its_predecessors_trial_at_once(
    hpo, create_study, leases, make_stale, monkeypatch
):
    monkeypatch.setenv("HPO_GRACE", "600")
    stored = create_study(budget={"trials": 1})
    leases(stored).take()
    make_stale()
    assert hpo("worker", "blobs").code == 0
    assert [trial.state for trial in stored.study.trials] == [TrialState.COMPLETE]
