"""A worker says that its trial lives, as long as it does."""

import threading
import time
from contextlib import ExitStack

import psycopg2
import pytest
from optuna.trial import TrialState
from sqlalchemy import event, exc, text

from hpo.study import load_study, trials_of
from hpo.worker import heartbeat as module
from hpo.worker.heartbeat import heartbeat
from hpo.worker.lease import Outcome


@pytest.fixture
def lease(create_study, leases, monkeypatch):
    monkeypatch.setattr(module, "grace_period", lambda: 0.12)
    return leases(create_study()).take()


@pytest.fixture
def becomes_alive(stale_ids):
    """Wait for the next heartbeat of a trial that was made stale."""

    def wait():
        deadline = time.monotonic() + 10
        while stale_ids():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return True

    return wait


@pytest.fixture
def no_reaper(monkeypatch):
    """Leave stale trials alone."""
    monkeypatch.setattr(module, "free_stale", lambda _stored: None)


@pytest.mark.usefixtures("no_reaper")
def test_a_stale_trial_comes_alive_with_each_beat(lease, make_stale, becomes_alive):
    with heartbeat(lease):
        for _ in range(3):
            make_stale()
            assert becomes_alive()


def test_the_beats_end_with_the_body(lease, make_stale, stale_ids):
    with pytest.raises(ZeroDivisionError), heartbeat(lease):
        raise ZeroDivisionError
    make_stale()
    time.sleep(0.1)
    assert stale_ids() == [lease.owned.trial_id]


@pytest.mark.usefixtures("no_reaper")
def test_the_beats_go_on_after_the_connections_were_cut(
    open_another, lease, make_stale, becomes_alive
):
    with open_another() as other, heartbeat(lease):
        for _ in range(3):
            with other.engine.begin() as connection:
                cut = (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                assert connection.execute(text(cut)).rowcount > 0
            make_stale()
            assert becomes_alive()


@pytest.mark.usefixtures("no_reaper")
def test_a_beat_that_fails_is_missed_and_logged(database, lease, make_stale, becomes_alive, caplog):
    failures = [1, 2]

    def fail_twice(*_):
        if failures and threading.current_thread().name == "heartbeat":
            failures.pop()
            raise exc.OperationalError("UPDATE", {}, psycopg2.OperationalError("no route"))

    make_stale()
    event.listen(database.engine, "before_cursor_execute", fail_twice)
    with heartbeat(lease):
        assert becomes_alive()
    missed = f"a heartbeat of trial {lease.number} was missed: the database: no route"
    assert caplog.messages == [missed, missed]


def test_the_beats_of_a_worker_that_has_lost_its_trial_keep_nobody_else_alive(
    lease, leases, make_stale, stale_ids
):
    make_stale()
    theirs = leases(lease.stored, "them").take()
    assert theirs.number == lease.number
    make_stale()
    with heartbeat(lease):
        time.sleep(0.3)
        assert stale_ids() == [theirs.owned.trial_id]


def test_a_worker_that_is_busy_frees_the_trials_of_those_who_died(lease, leases, make_stale):
    other = leases(lease.stored, "them").take()
    make_stale()
    lease.write()  # this one lives
    with heartbeat(lease):
        deadline = time.monotonic() + 10
        while lease.stored.study.trials[other.number].state.name != "WAITING":
            assert time.monotonic() < deadline
            time.sleep(0.02)
    lease.end(Outcome(state=lease.stored.study.trials[0].state.PRUNED))


@pytest.fixture
def fleet(create_study, open_another, leases, monkeypatch):
    """Trials of one study, each owned by a process of its own that says that it lives."""
    monkeypatch.setenv("HPO_GRACE", "1")
    create_study(budget={"trials": 9})
    with ExitStack() as stack:
        owned = []
        for _ in range(4):
            stored = load_study(stack.enter_context(open_another()), "blobs")
            owned.append(leases(stored).take())
            stack.enter_context(heartbeat(owned[-1]))
        yield owned


def test_after_an_outage_of_the_network_nobody_takes_the_others_for_dead(fleet, unreachable):
    with unreachable():
        time.sleep(2)
    time.sleep(2)
    for lease in fleet:
        lease.write()  # raises LeaseLost where it is somebody else's by now
    assert [trial.state.name for trial in fleet[0].stored.study.trials] == ["RUNNING"] * 4


def test_who_is_dead_is_found_some_time_after_an_outage(fleet, unreachable, leases, database):
    dead = leases(load_study(database, "blobs")).take()
    with unreachable():
        time.sleep(2)
    deadline = time.monotonic() + 20
    while trials_of(fleet[0].stored)[dead.number].state is TrialState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for lease in fleet:
        lease.write()
