"""Whether a machine is sick, or a study's code has a bug."""

from datetime import UTC, datetime

import pytest
from optuna.trial import TrialState, create_trial

from hpo.storage.keys import ERROR, OWNER, PAUSED, RUNS
from hpo.storage.ownership import ENDED
from hpo.worker.mishaps import SameBug, Worker

COMPLETE, FAIL = TrialState.COMPLETE, TrialState.FAIL
RUNNING, WAITING = TrialState.RUNNING, TrialState.WAITING
BACK = datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()  # the clocks of Berlin go back
A, B, BESIDE_A = "a:1", "b:1", "a:2"


def trial(worker, state, minute, error="a bug", paused=None, took=1):
    """A trial that a worker had for minutes, and that has reported a step unless it failed."""
    begin, end = BACK + 60 * minute, BACK + 60 * (minute + took)
    made = create_trial(
        state=state,
        value=0.5 if state is COMPLETE else None,
        intermediate_values={} if state is FAIL else {1: 0.5},
        user_attrs={ERROR: error} if state is FAIL else {},
        system_attrs={OWNER: f"{worker}:4c:2f {ENDED}", PAUSED: paused},
    )
    made.datetime_start = datetime.fromtimestamp(begin)
    if state is not RUNNING:
        made.set_user_attr(RUNS, [[begin, end]])
    made.datetime_complete = datetime.fromtimestamp(end) if state.is_finished() else None
    return made


def fails(worker, *minutes):
    return [trial(worker, FAIL, minute) for minute in minutes]


def is_sick(trials, worker=A):
    own = SameBug.of_worker(trials, Worker(*worker.split(":")))
    return own is not None and own.spares_others(trials, since=True)


def is_of_one_machine(trials):
    return SameBug.of(trials).spares_others(trials)


def test_each_process_is_judged_by_its_own_last_trials():
    found = [*fails(A, 0, 2, 4), *(trial(BESIDE_A, COMPLETE, minute) for minute in (1, 3, 5))]
    assert is_sick(found)
    assert not is_sick(found, BESIDE_A)
    assert not is_sick(found[1:])


@pytest.mark.parametrize("came_between", [trial(A, COMPLETE, 3), trial(A, WAITING, 3, paused=1)])
def test_who_does_well_between_is_not_sick(came_between):
    found = [trial(B, RUNNING, 0), *fails(A, 0, 2, 4)]
    assert is_sick(found)
    assert not is_sick([*found, came_between])


def test_a_bug_that_only_some_trials_have_is_not_all_of_the_study():
    assert SameBug.of([*fails(A, 0, 2, 4)])
    assert not SameBug.of([*fails(A, 0, 2, 4), trial(B, WAITING, 3, paused=1)])


def test_what_others_did_before_tells_nothing_of_a_worker():
    found = fails(A, 2, 3, 4)
    assert not is_sick(found)
    assert not is_sick([*found, trial(B, COMPLETE, 0)])
    assert is_sick([*found, trial(B, COMPLETE, 1)])
    assert not is_sick([*found, trial(B, WAITING, 0, paused=1)])
    assert is_sick([*found, trial(B, WAITING, 3, paused=1)])
    assert not is_sick([*found, *fails(B, 2, 3)])


def test_a_process_of_the_same_machine_that_rests_its_trials_is_at_work():
    found = fails(A, 2, 3, 4)
    assert is_of_one_machine([*found, trial(BESIDE_A, WAITING, 1, paused=1)])
    assert not is_of_one_machine([*found, trial(BESIDE_A, WAITING, 0, paused=1)])


def test_what_says_nothing_is_no_bug():
    assert SameBug.of(fails(A, 0, 1, 2)).error == "a bug"
    assert SameBug.of([trial(A, FAIL, minute, error="") for minute in range(3)]) is None


@pytest.mark.usefixtures("in_berlin")
def test_those_that_ended_last_are_known_when_the_clocks_go_back():
    assert SameBug.of([trial(A, COMPLETE, -5), *fails(A, 1, 2, 3)])  # 2:55, then 2:01
    assert not SameBug.of([*fails(A, -5, -4, -3), trial(A, COMPLETE, 1)])


@pytest.mark.usefixtures("in_berlin")
def test_who_is_at_work_is_known_when_the_clocks_go_back():
    found = [trial(A, FAIL, -5, took=12), *fails(A, 4, 5)]  # from 2:55, 2:04 and 2:05 on
    assert is_of_one_machine([*found, trial(BESIDE_A, COMPLETE, 1)])
    assert not is_of_one_machine([*found, trial(BESIDE_A, COMPLETE, -9)])
