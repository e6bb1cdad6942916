"""Who owns a trial, and how many there are, whatever many workers do at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import Trial, TrialState

from hpo.errors import LeaseLost
from hpo.storage.stale import stale_trial_ids
from hpo.study import ERROR, load
from hpo.worker.lease import MOST_LOSSES, OWNER, Outcome

PRUNED = Outcome(TrialState.PRUNED)
WAITING = Outcome(TrialState.WAITING)


@pytest.fixture
def mine(database, create_study, leases):
    return leases(database, create_study())


@pytest.fixture
def theirs(mine, open_another, leases):
    """Another worker's, who has opened the database on its own."""
    assert mine.owner != "them"
    with open_another() as other:
        yield leases(other, load(other, "blobs"), "them")


def states(leases):
    return [trial.state.name.lower() for trial in leases.stored.study.get_trials()]


def test_a_trial_that_was_taken_runs_and_has_an_owner(mine, database):
    lease = mine.take()
    trial = lease.read()
    assert (lease.number, trial.state) == (0, TrialState.RUNNING)
    assert trial.system_attrs[OWNER] == "me"
    assert trial.datetime_start is not None
    assert stale_trial_ids(database, 1) == []


def test_the_budget_ends_the_taking(mine):
    taken = [mine.take() for _ in range(3)]
    assert [lease.number for lease in taken] == [0, 1, 2]
    assert mine.take() is None
    assert not mine.is_over()  # the three still run
    for lease in taken:
        lease.end(PRUNED)
    assert mine.take() is None
    assert mine.is_over()


def test_a_budget_that_was_raised_meanwhile_counts(mine, create_study):
    for _ in range(3):
        mine.take().end(PRUNED)
    assert mine.is_over()
    create_study(budget={"trials": 4})
    assert not mine.is_over()
    assert mine.take().number == 3


def test_steps_end_the_taking_too(database, create_study, leases):
    mine = leases(database, create_study(budget={"steps": 2}))
    for _ in range(2):
        lease = mine.take()
        Trial(lease.study, lease.trial_id).report(0.5, 1)
        lease.end(PRUNED)
    assert mine.take() is None
    assert mine.is_over()


def test_many_that_take_at_once_get_exactly_the_budget(
    database, open_another, create_study, leases
):
    create_study(budget={"trials": 11})

    def take_all(other):
        mine = leases(other, load(other, "blobs"), f"worker {id(other)}")
        while lease := mine.take():
            lease.end(PRUNED)
            yield lease.number

    with ExitStack() as stack, ThreadPoolExecutor(5) as threads:
        others = [stack.enter_context(open_another()) for _ in range(5)]
        taken = [*threads.map(lambda other: [*take_all(other)], others)]
    assert sorted(chain.from_iterable(taken)) == list(range(11))
    assert [t.state for t in load(database, "blobs").study.trials] == [TrialState.PRUNED] * 11


def test_a_trial_that_was_handed_back_keeps_what_it_has_and_is_taken_first(mine, theirs):
    first, second = mine.take(), mine.take()
    trial = Trial(first.study, first.trial_id)
    rate = trial.suggest_float("rate", 0, 1)
    trial.report(0.5, 1)
    first.end(WAITING)
    again = theirs.take()
    assert again.number == first.number
    found = again.read()
    assert found.params == {"rate": rate}
    assert found.distributions == {"rate": FloatDistribution(0, 1)}
    assert found.intermediate_values == {1: 0.5}
    assert theirs.take().number == second.number + 1  # a new one


def test_of_several_that_wait_the_first_is_taken_first(mine, theirs):
    taken = [mine.take() for _ in range(3)]
    for lease in reversed(taken):
        lease.end(WAITING)
    assert [theirs.take().number for _ in range(3)] == [0, 1, 2]


def test_waiting_trials_are_part_of_the_budget(mine):
    for lease in [mine.take() for _ in range(3)]:
        lease.end(WAITING)
    assert not mine.is_over()
    for _ in range(3):
        mine.take().end(PRUNED)
    assert mine.take() is None
    assert states(mine) == ["pruned"] * 3


def test_a_trial_ends_once(mine):
    lease = mine.take()
    lease.end(Outcome(TrialState.COMPLETE, 0.5))
    with pytest.raises(LeaseLost):
        lease.end(Outcome(TrialState.COMPLETE, 0.75))
    assert mine.stored.study.trials[0].value == 0.5


def test_a_trial_that_a_person_failed_is_lost(mine, theirs):
    lease = mine.take()
    theirs.database.storage.set_trial_state_values(lease.trial_id, TrialState.FAIL)
    with pytest.raises(LeaseLost):
        lease.read()
    with pytest.raises(LeaseLost):
        lease.end(Outcome(TrialState.FAIL, error="too late"))
    trial = mine.stored.study.trials[0]
    assert trial.state is TrialState.FAIL
    assert ERROR not in trial.user_attrs


def test_a_trial_of_a_worker_that_lives_is_left_alone(mine, theirs):
    lease = mine.take()
    assert theirs.take().number == 1
    assert lease.read().state is TrialState.RUNNING


def test_a_stale_trial_is_taken_over_and_ends_once(mine, theirs, make_stale):
    lost = mine.take()
    make_stale()
    lease = theirs.take()
    assert lease.number == lost.number
    with pytest.raises(LeaseLost):
        lost.read()
    with pytest.raises(LeaseLost):
        lost.end(Outcome(TrialState.COMPLETE, 0.1))
    lease.end(Outcome(TrialState.COMPLETE, 0.9))
    assert [trial.value for trial in mine.stored.study.trials] == [0.9]


def test_a_worker_that_takes_its_own_stale_trial_has_it_again(mine, make_stale):
    mine.take()
    make_stale()
    lease = mine.take()
    assert lease.number == 0
    assert lease.read().state is TrialState.RUNNING
    assert mine.take().number == 1  # with a heartbeat of now


def test_a_trial_that_kills_its_workers_fails_with_a_reason(mine, theirs, make_stale):
    for _ in range(MOST_LOSSES):
        assert mine.take().number == 0
        make_stale()
    assert theirs.take().number == 1
    failed = mine.stored.study.trials[0]
    assert failed.state is TrialState.FAIL
    assert failed.user_attrs[ERROR] == f"{MOST_LOSSES} workers died while they ran it"


def test_handing_back_is_no_loss(mine):
    for _ in range(MOST_LOSSES + 1):
        mine.take().end(WAITING)
    assert states(mine) == ["waiting"]


def test_a_worker_that_dies_while_it_takes_a_trial_leaves_it_waiting(mine, theirs, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    for method in ("set_trial_system_attr", "set_trial_state_values"):
        with monkeypatch.context() as patch:
            patch.setattr(mine.database.storage, method, die)
            with pytest.raises(KeyboardInterrupt):
                mine.take()
        assert states(theirs) == ["waiting"]
    assert theirs.take().number == 0
