"""A worker says that its trial lives, as long as it does."""

import time

import psycopg2
import pytest
from sqlalchemy import exc, text

from hpo.storage.stale import stale_trial_ids
from hpo.worker import heartbeat as module
from hpo.worker.heartbeat import heartbeat


@pytest.fixture
def trial_id(database, create_study, leases, monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT_INTERVAL", 0.02)
    return leases(database, create_study()).take().trial_id


@pytest.fixture
def becomes_alive(database):
    """Wait for the next heartbeat of a trial that was made stale."""

    def wait():
        deadline = time.monotonic() + 10
        while stale_trial_ids(database, 1):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return True

    return wait


def test_a_stale_trial_comes_alive_with_each_beat(database, trial_id, make_stale, becomes_alive):
    with heartbeat(database, trial_id):
        for _ in range(3):
            make_stale()
            assert becomes_alive()


def test_the_beats_end_with_the_body(database, trial_id, make_stale):
    with pytest.raises(ZeroDivisionError), heartbeat(database, trial_id):
        raise ZeroDivisionError
    make_stale()
    time.sleep(0.1)
    assert stale_trial_ids(database, 1) == [trial_id]


def test_the_beats_go_on_after_the_connections_were_cut(
    database, open_another, trial_id, make_stale, becomes_alive
):
    with open_another() as other, heartbeat(database, trial_id):
        for _ in range(3):
            with other.engine.begin() as connection:
                cut = (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                assert connection.execute(text(cut)).rowcount > 0
            make_stale()
            assert becomes_alive()


def test_a_beat_that_fails_is_missed_and_logged(
    database, trial_id, make_stale, becomes_alive, monkeypatch, caplog
):
    record, failures = database.records.record_heartbeat, [1, 2]

    def fail_twice(trial_id):
        if failures:
            failures.pop()
            raise exc.OperationalError("UPDATE", {}, psycopg2.OperationalError("no route"))
        record(trial_id)

    monkeypatch.setattr(database.records, "record_heartbeat", fail_twice)
    make_stale()
    with heartbeat(database, trial_id):
        assert becomes_alive()
    missed = f"a heartbeat of trial {trial_id} was missed: the database: no route"
    assert caplog.messages == [missed, missed]
