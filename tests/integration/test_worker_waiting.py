"""Trials that wait are read once, and what happens to them is seen all the same."""

import pytest
from optuna.trial import TrialState

from hpo.storage.ownership import Writing
from hpo.study import load_study, trials_of
from hpo.worker.lease import Outcome

HANDED_BACK = Outcome(state=TrialState.WAITING)


@pytest.fixture
def mine(create_study):
    """A study of this process."""
    return create_study(budget={"trials": 9})


@pytest.fixture
def others(mine, open_another, leases):
    """Where a worker in another process gets its trials."""
    with open_another() as database:
        yield leases(load_study(database, mine.study.study_name), "another")


@pytest.fixture
def waiting(mine, others):
    """A trial that another worker has handed back, as this process has read it."""
    lease = others.take()
    lease.write(Writing(reports={1: 0.25}))
    lease.end(HANDED_BACK)
    return trials_of(mine)[0]


def test_a_trial_that_waits_is_read_once(mine, others, waiting):
    assert (waiting.state, waiting.intermediate_values) == (TrialState.WAITING, {1: 0.25})
    mine.study.enqueue_trial({"rate": 0.5})  # never had a worker
    first = trials_of(mine)
    assert others.take().number == 0
    again = trials_of(mine)
    assert [trial.number for trial in again] == [0, 1]
    assert first[0] is waiting  # and not a copy
    assert again[0].state is TrialState.RUNNING


def test_a_trial_that_was_taken_and_handed_back_meanwhile_is_read_again(mine, others, waiting):
    lease = others.take()
    lease.write(Writing(reports={2: 0.5}))
    lease.end(HANDED_BACK)
    found = trials_of(mine)[0]
    assert (waiting.intermediate_values, found.intermediate_values) == (
        {1: 0.25},
        {1: 0.25, 2: 0.5},
    )


def test_a_trial_that_was_ended_meanwhile_is_read_again(mine, others, waiting):
    others.take().end(Outcome(state=TrialState.COMPLETE, value=0.75))
    found = trials_of(mine)[0]
    assert (found.state, found.value) == (TrialState.COMPLETE, 0.75)
    assert waiting.state is TrialState.WAITING


def test_a_trial_that_was_pruned_as_it_waited_is_read_again(mine, others, waiting):
    others.stored.database.storage.set_trial_state_values(
        waiting._trial_id, TrialState.PRUNED, [0.25]
    )
    assert trials_of(mine)[0].state is TrialState.PRUNED


def test_what_another_notes_with_a_queued_trial_is_seen(mine, others):
    mine.study.enqueue_trial({"rate": 0.5})
    queued = trials_of(mine)[0]
    others.stored.database.storage.set_trial_user_attr(queued._trial_id, "note", "look here")
    assert trials_of(mine)[0].user_attrs == {"note": "look here"}


@pytest.mark.parametrize("kind", ["user", "system"])
def test_what_this_process_notes_with_it_is_seen(mine, waiting, kind):
    note = getattr(mine.database.storage, f"set_trial_{kind}_attr")
    note(waiting._trial_id, "note", "look here")
    assert getattr(trials_of(mine)[0], f"{kind}_attrs")["note"] == "look here"


def test_new_trials_are_found_beside_those_that_wait(mine, others, waiting):
    assert waiting.number == 0
    taken = [others.take() for _ in range(3)]
    states = [trial.state for trial in trials_of(mine)]
    assert states == [TrialState.RUNNING] * 3
    taken[1].end(Outcome(state=TrialState.COMPLETE, value=0.5))
    taken[2].end(HANDED_BACK)
    found = trials_of(mine)
    assert [t.state.name for t in found] == ["RUNNING", "COMPLETE", "WAITING"]
    assert [t.state.name for t in mine.database.records.get_all_trials(1)] == [
        *("RUNNING", "COMPLETE", "WAITING")
    ]
