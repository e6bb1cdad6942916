"""What a study says of itself."""

from datetime import datetime, timedelta

import pytest
from optuna.trial import TrialState, create_trial

from hpo.storage.keys import ERROR
from hpo.study import StudyState, status

START = datetime(2026, 1, 1, 12)
COMPLETE, PRUNED, FAIL, RUNNING, WAITING = (
    TrialState.COMPLETE,
    TrialState.PRUNED,
    TrialState.FAIL,
    TrialState.RUNNING,
    TrialState.WAITING,
)


def add(stored, state, value=None, steps=0, seconds=(0, 0), error=None):
    """Store a trial that ran from one second to another after the start."""
    trial = create_trial(
        state=state,
        value=value,
        intermediate_values=dict.fromkeys(range(1, steps + 1), 0.5),
        user_attrs={ERROR: error} if error else {},
    )
    begin, end = seconds
    trial.datetime_start = START + timedelta(seconds=begin)
    trial.datetime_complete = START + timedelta(seconds=end) if state.is_finished() else None
    stored.study.add_trial(trial)


def test_a_new_study(create_study):
    found = status(create_study())
    assert found.state is StudyState.NEW
    assert set(found.counts.values()) == {0}
    assert (found.steps, found.worked, found.left, found.best) == (0, timedelta(0), None, None)
    assert (found.name, found.direction, found.budget.trials) == ("blobs", "maximize", 3)


def test_trials_are_counted_by_state_and_steps_are_added_up(create_study):
    stored = create_study(budget={"trials": 10})
    for state, steps in [(PRUNED, 1), (PRUNED, 3), (FAIL, 2), (RUNNING, 1), (WAITING, 2)]:
        add(stored, state, steps=steps)
    add(stored, COMPLETE, value=0.5, steps=4)
    found = status(stored)
    assert found.counts == {"running": 1, "complete": 1, "pruned": 2, "fail": 1, "waiting": 1}
    assert found.steps == 13


def test_the_best_is_the_highest_complete_value(create_study):
    stored = create_study(budget={"trials": 10})
    for value in (0.5, 0.9, 0.9, 0.7):
        add(stored, COMPLETE, value=value)
    add(stored, PRUNED, value=0.99)
    best = status(stored).best
    assert (best.number, best.value) == (1, 0.9)  # the first of equals


def test_the_best_error_rate_is_the_lowest(create_study):
    stored = create_study(evaluation={"holdout": 0.5, "metric": "error_rate"})
    for value in (0.5, 0.0, 0.7):
        add(stored, COMPLETE, value=value)
    found = status(stored)
    assert found.direction == "minimize"
    assert (found.best.number, found.best.value) == (1, 0.0)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([WAITING], StudyState.INTERRUPTED),
        ([RUNNING], StudyState.RUNNING),
        ([FAIL, PRUNED], StudyState.INTERRUPTED),
        ([FAIL, PRUNED, RUNNING], StudyState.RUNNING),
        ([FAIL, PRUNED, WAITING], StudyState.INTERRUPTED),
        ([FAIL, PRUNED, FAIL], StudyState.FINISHED),
    ],
)
def test_where_a_study_of_three_trials_is(create_study, states, expected):
    stored = create_study()
    for state in states:
        add(stored, state)
    assert status(stored).state is expected


@pytest.mark.parametrize("budget", [{"steps": 8}, {"wall_time": "30s"}, {"trials": 99, "steps": 7}])
def test_a_study_ends_at_the_first_limit(create_study, budget):
    stored = create_study(budget=budget)
    add(stored, PRUNED, steps=3, seconds=(0, 20))
    assert status(stored).state is StudyState.INTERRUPTED
    add(stored, PRUNED, steps=2, seconds=(20, 30))
    assert status(stored).state is StudyState.FINISHED


def test_time_in_which_several_trials_ran_counts_once(create_study):
    stored = create_study(budget={"trials": 10})
    for seconds in [(20, 25), (0, 10), (5, 15), (6, 8), (25, 26)]:
        add(stored, PRUNED, seconds=seconds)
    add(stored, WAITING)  # handed back: it does not run
    assert status(stored).worked == timedelta(seconds=21)


def test_time_of_a_running_trial_counts_until_now(create_study):
    stored = create_study()
    add(stored, RUNNING)
    assert abs(status(stored).worked - (datetime.now() - START)) < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        ({"trials": 6}, 20),  # two of six in 10 s
        ({"steps": 15}, 20),  # five of 15
        ({"wall_time": "1m"}, 50),
        ({"trials": 6, "wall_time": "15s"}, 5),
        ({"trials": 2}, 0),
        ({"trials": 1}, 0),  # made smaller afterwards
    ],
)
def test_the_time_left_is_guessed_from_the_pace(create_study, budget, left):
    stored = create_study(budget=budget)
    add(stored, PRUNED, steps=2, seconds=(0, 4))
    add(stored, PRUNED, steps=3, seconds=(4, 10))
    assert status(stored).left == timedelta(seconds=left)


def test_the_time_left_is_guessed_before_a_trial_has_ended(create_study):
    """With `halving` that may take long: most trials wait at a rung."""
    stored = create_study(budget={"trials": 6, "steps": 10})
    add(stored, RUNNING, steps=2)
    found = status(stored)
    assert found.left == found.worked * 4  # two of ten steps
    for _ in range(3):
        add(stored, WAITING, steps=1)
    found = status(stored)
    assert found.left == found.worked  # three of six trials have come to rest, five of ten steps


def test_the_newest_error_is_told_without_its_traceback(create_study):
    stored = create_study()
    assert status(stored).error is None
    add(stored, FAIL, error="Traceback (most recent call last):\nValueError: first\n")
    add(stored, FAIL, error="Traceback (most recent call last):\nValueError: second\n")
    assert status(stored).error == "ValueError: second"


def test_a_status_is_read_anew(create_study):
    stored = create_study()
    assert status(stored).state is StudyState.NEW
    add(stored, RUNNING)
    assert status(stored).state is StudyState.RUNNING
