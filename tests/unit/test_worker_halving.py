import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from hpo.storage.keys import PAUSED
from hpo.worker.halving import HalvingPruner
from hpo.worker.view import View

HALVING = HalvingPruner(rungs=(1, 3, 9), factor=3)
UP, DOWN = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE


def trials(*curves, rungs=()):
    """Trials with these values from step 1 on; those at a rung wait there."""
    made = []
    for number, curve in enumerate(curves):
        rung = dict(rungs).get(number)
        trial = create_trial(
            state=TrialState.RUNNING if rung is None else TrialState.WAITING,
            intermediate_values=dict(enumerate(curve, 1)),
            system_attrs={PAUSED: rung},
        )
        trial.number = number
        made.append(trial)
    return made


def study(found, direction="maximize"):
    made = optuna.create_study(direction=direction)
    made.add_trials(found)
    return made


@pytest.mark.parametrize(
    ("direction", "waits"), [("maximize", [True, True, False]), ("minimize", [True, False, True])]
)
def test_at_a_rung_all_but_the_best_third_wait(direction, waits):
    found = trials([0.5], [0.4], [0.6])
    assert [HALVING.prune(study(found, direction), trial) for trial in found] == waits


def test_between_the_rungs_nothing_waits():
    found = trials([0.1, 0.1], [0.5, 0.5], [0.6, 0.6])
    assert not any(HALVING.prune(study(found), trial) for trial in found)


def test_the_first_at_a_rung_waits_for_others_to_compare_with():
    (alone,) = trials([0.99])
    assert HALVING.prune(study([alone]), alone)


def test_a_step_beyond_a_rung_that_it_leaps_over_counts_as_the_rung():
    found = trials([0.9], [0.9], [0.5])
    late = found[2]
    late.intermediate_values = {2: 0.5}  # its first step
    assert HALVING.prune(study(found), late)
    assert HALVING.rung_at(2) == 1


def test_a_better_one_that_comes_later_makes_room_for_no_worse_one():
    found = trials([0.5], [0.4], [0.6, 0.7], rungs={0: 1, 1: 1}.items())
    assert [*HALVING.promotable(found, UP)] == []


def test_more_trials_at_a_rung_make_room_for_the_best_that_waits():
    found = trials([0.5], [0.4], [0.6, 0.7], [0.1], [0.2], [0.3], rungs={0: 1, 1: 1}.items())
    assert [*HALVING.promotable(found, UP)] == [found[0]]
    assert [*HALVING.promotable(found, DOWN)] == []  # those with 0.1 and 0.2 have gone on


def test_a_higher_rung_comes_first():
    low = [[0.1]] * 6
    found = trials([0.9], [0.5] * 3, [0.6] * 3, [0.7] * 3, *low, rungs={0: 1, 3: 3}.items())
    assert next(HALVING.promotable(found, UP)) is found[3]


def test_the_furthest_is_the_best_at_the_highest_rung_that_is_waited_at():
    found = trials([0.9], [0.5] * 3, [0.6] * 3, rungs={0: 1, 1: 3, 2: 3}.items())
    assert HALVING.furthest(found, UP) is found[2]
    assert HALVING.furthest(found, DOWN) is found[1]
    assert HALVING.furthest(trials([0.5]), UP) is None


def test_samplers_see_what_waits_at_a_rung_as_pruned():
    stored = study(trials([0.5], [0.4, 0.4], [0.3], rungs={0: 1}.items()))
    seen = View(stored, list, max_age=0)
    assert [trial.state for trial in seen.trials] == [
        TrialState.PRUNED,
        TrialState.RUNNING,
        TrialState.RUNNING,
    ]
    assert [t.number for t in seen.get_trials(states=(TrialState.PRUNED,))] == [0]
    assert stored.trials[0].state is TrialState.WAITING


def test_a_view_of_a_study_asks_the_storage_for_nothing(monkeypatch):
    """Whatever it asks for may be away at that moment."""
    seen = study(trials([0.5]))
    for name in ("get_study_id_from_name", "get_study_directions", "get_all_trials"):
        monkeypatch.setattr(seen._storage, name, None)
    view = View(seen, list, max_age=float("inf"))
    assert view.get_trials() == []
    assert view.direction is UP


def test_trials_are_asked_for_once_and_only_when_somebody_looks():
    stored, asked = study([]), []
    seen = View(stored, lambda: asked.append(1) or trials([0.5], [0.4]), max_age=60)
    assert asked == []
    for _ in range(2):
        found = seen.get_trials(states=[TrialState.RUNNING])
        assert [trial.number for trial in found] == [0, 1]
        found.clear()  # the list is the caller's own
    assert asked == [1]
