"""A study that starts from the best trials of another."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import optuna
import pytest
from blobs import definition
from optuna.trial import FixedTrial, TrialState, create_trial

from hpo.definition import Given
from hpo.errors import StudyError
from hpo.storage.keys import GIVEN, WARM_START
from hpo.study import create, creation, enqueue, load_study, study_names
from hpo.study.stored import space_of

FROM = {"warm_start": {"study": "blobs", "top": 3}}
VALUES = {0.5: 0.7, 0.3: 0.9, 0.8: 0.8, 0.2: 0.6, 0.6: 0.95}  # of each rate
SVM = {
    "model": "svm",
    "space": {
        "kernel": ["rbf", "linear"],
        "C": {"low": 1, "high": 1000, "log": True},
        "gamma": {"low": 0.001, "high": 1, "log": True},
    },
    "fixed": {"components": 2, "whiten": False},
}


def complete(stored, value, given, state=TrialState.COMPLETE):
    """Store a trial that has ended with these values."""
    trial = FixedTrial(given)
    space_of(stored.definition).suggest(trial)
    found = {"params": trial.params, "distributions": trial.distributions}
    stored.study.add_trial(create_trial(state=state, value=value, **found))


@pytest.fixture
def coarse(create_study):
    """A study with five complete trials."""
    stored = create_study()
    for rate, value in VALUES.items():
        complete(stored, value, {"rate": rate})
    return stored


def queued(stored):
    return [trial.system_attrs[GIVEN] for trial in stored.study.trials]


def marks(stored):
    return [trial.user_attrs[WARM_START] for trial in stored.study.trials]


# ---- what is queued


@pytest.mark.usefixtures("coarse")
def test_the_best_are_queued_best_first_and_say_whose_they_are(create_study):
    fine = create_study(name="fine", **FROM)
    assert queued(fine) == [{"rate": 0.6}, {"rate": 0.3}, {"rate": 0.8}]
    assert marks(fine) == ["trial 4 of blobs", "trial 1 of blobs", "trial 2 of blobs"]
    assert {trial.state for trial in fine.study.trials} == {TrialState.WAITING}


@pytest.mark.usefixtures("coarse")
def test_a_budget_that_is_smaller_than_the_start_is_told(database):
    fine = definition(name="fine", budget={"trials": 2}, **FROM)
    heard = []
    create(database, fine, load_study(database, "blobs").origin, heard.append)
    assert heard == [
        'warm start from "blobs": queued 3 of its best 3; the budget has room for 2 of them, '
        "the others wait until it is raised"
    ]


@pytest.mark.usefixtures("coarse")
def test_they_run_first_and_within_the_budget(create_study, work):
    fine = create_study(name="fine", budget={"trials": 5}, **FROM)
    work(fine)
    found = [trial.params["rate"] for trial in fine.study.trials]
    assert found[:3] == [0.6, 0.3, 0.8]
    assert len(set(found)) == 5
    assert {trial.state for trial in fine.study.trials} == {TrialState.COMPLETE}


@pytest.mark.usefixtures("coarse")
def test_a_budget_below_them_is_kept(create_study, work):
    fine = create_study(name="fine", budget={"trials": 2}, **FROM)
    work(fine)
    states = [trial.state.name.lower() for trial in fine.study.trials]
    assert states == ["complete", "complete", "waiting"]


def test_the_lowest_error_rates_are_the_best(create_study):
    error = {"evaluation": {"holdout": 0.5, "metric": "error_rate"}}
    coarse = create_study(**error)
    for rate, value in VALUES.items():
        complete(coarse, value, {"rate": rate})
    fine = create_study(name="fine", **error, **FROM)
    assert queued(fine) == [{"rate": 0.2}, {"rate": 0.5}, {"rate": 0.8}]


def test_only_complete_trials_count_and_equals_by_their_numbers(create_study):
    coarse = create_study(budget={"trials": 9})
    complete(coarse, None, {"rate": 0.9}, TrialState.PRUNED)
    for rate in (0.4, 0.3, 0.2):
        complete(coarse, 0.5, {"rate": rate})
    complete(coarse, None, {"rate": 0.8}, TrialState.FAIL)
    fine = create_study(name="fine", warm_start={"study": "blobs", "top": 2})
    assert queued(fine) == [{"rate": 0.4}, {"rate": 0.3}]


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize(
    ("top", "told"),
    [
        (3, 'warm start from "blobs": queued 3 of its best 3'),
        (5, 'warm start from "blobs": queued 5 of its best 5'),
        (9, 'warm start from "blobs": queued 5 of its best 5; top = 9, but no more are complete'),
    ],
)
def test_how_many_are_queued_is_told(database, top, told):
    heard = []
    start = {"study": "blobs", "top": top}
    fine = definition(name="fine", budget={"trials": 5}, warm_start=start)
    stored = create(database, fine, load_study(database, "blobs").origin, heard.append)
    assert heard == [told]
    assert len(queued(stored)) == min(top, 5)


@pytest.mark.usefixtures("coarse")
def test_other_rows_folds_and_metrics_of_the_same_direction_are_fine(create_study):
    fine = create_study(name="fine", evaluation={"folds": 3, "metric": "f1_macro"}, **FROM)
    assert len(queued(fine)) == 3


# ---- other spaces


@pytest.mark.usefixtures("coarse")
def test_what_a_narrower_space_does_not_have_is_left_out(create_study):
    narrow = create_study(name="fine", space={"rate": {"low": 0.25, "high": 0.7}}, **FROM)
    assert queued(narrow) == [{"rate": 0.6}, {"rate": 0.3}]
    choices = create_study(name="choices", space={"rate": [0.3, 0.8]}, **FROM)
    assert queued(choices) == [{"rate": 0.3}, {"rate": 0.8}]


@pytest.mark.usefixtures("coarse")
def test_what_was_fixed_or_a_default_is_passed_on_where_it_is_searched_now(create_study, work):
    space = {
        "rate": {"low": 0.1, "high": 0.9},
        "epochs": [2, 4],
        "pause": {"low": 0.0, "high": 0.001},
    }
    fine = create_study(name="fine", space=space, fixed={}, **FROM)
    assert queued(fine)[0] == {"rate": 0.6, "epochs": 4, "pause": 0.0}
    work(fine)
    assert fine.study.trials[0].params == {"rate": 0.6, "epochs": 4, "pause": 0.0}


@pytest.mark.usefixtures("coarse")
def test_what_is_fixed_now_is_not_passed_on_and_equals_are_queued_once(create_study):
    fine = create_study(name="fine", space={"epochs": [2, 4]}, fixed={"rate": 0.3}, **FROM)
    assert queued(fine) == [{"epochs": 4}]
    assert marks(fine) == ["trial 4 of blobs"]


def test_conditional_values_are_passed_on_with_their_condition(create_study, work):
    coarse = create_study(**SVM)
    complete(coarse, 0.9, {"kernel": "linear", "C": 10.0})
    complete(coarse, 0.8, {"kernel": "rbf", "C": 20.0, "gamma": 0.5})
    same = create_study(name="same", **SVM, **FROM)
    assert queued(same) == [
        {"kernel": "linear", "C": 10.0},
        {"kernel": "rbf", "C": 20.0, "gamma": 0.5},
    ]
    work(same)
    assert [trial.params for trial in same.study.trials[:2]] == [
        {"kernel": "linear", "C": 10.0},
        {"kernel": "rbf", "C": 20.0, "gamma": 0.5},
    ]
    without = {**SVM, "space": {**SVM["space"], "kernel": ["linear", "poly"]}}
    fine = create_study(name="fine", **without, **FROM)
    # rbf is gone, and without it nobody knows whether gamma has a meaning
    assert queued(fine) == [{"kernel": "linear", "C": 10.0}, {"C": 20.0}]


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize(
    ("space", "fixed", "left_out"),
    [
        ({"rate": {"low": 0.25, "high": 0.7}}, {"epochs": 4}, "rate = 0.8 of trial 2"),
        (
            {"rate": {"low": 0.1, "high": 0.7}, "epochs": [2, 3]},
            {},
            "epochs = 4 of trials 4, 1, 2; rate = 0.8 of trial 2",
        ),
        ({"epochs": [2, 4]}, {"rate": 0.3}, None),  # it searches no rate
    ],
)
def test_what_is_left_out_is_told(database, space, fixed, left_out):
    heard = []
    fine = definition(name="fine", space=space, fixed=fixed, **FROM)
    create(database, fine, load_study(database, "blobs").origin, heard.append)
    (told,) = heard
    _, _, found = told.partition("; left out, since this space does not have them: ")
    assert found == (left_out or "")


def test_what_had_no_meaning_is_not_told_and_of_many_values_some(database, create_study):
    svm = {**SVM, "space": {**SVM["space"], "C": {"low": 1, "high": 1000}}}
    coarse = create_study(**svm)
    complete(coarse, 0.9, {"kernel": "linear", "C": 10.0})
    for C in range(501, 508):
        complete(coarse, 0.8, {"kernel": "rbf", "C": float(C), "gamma": 0.5})
    heard = []
    narrow = {**svm, "space": {**svm["space"], "C": {"low": 1, "high": 500}}}
    fine = definition(name="fine", **narrow, warm_start={"study": "blobs", "top": 8})
    create(database, fine, coarse.origin, heard.append)
    assert heard == [
        'warm start from "blobs": queued 2 of its best 8; left out, since this space does not have '
        "them: C = 501.0 of trial 1; C = 502.0 of trial 2; C = 503.0 of trial 3; "
        "C = 504.0 of trial 4; C = 505.0 of trial 5; 2 more values"
    ]


# ---- exactly once


def test_creating_again_queues_nothing_more(database, coarse, create_study):
    create_study(name="fine", **FROM)
    complete(coarse, 0.99, {"rate": 0.45})
    fine = create_study(name="fine", budget={"trials": 9}, **FROM)
    assert len(queued(fine)) == 3
    optuna.delete_study(study_name="blobs", storage=database.storage)
    assert len(queued(create_study(name="fine", **FROM))) == 3


def test_many_that_create_at_once_queue_once(database, open_another, coarse):
    fine = definition(name="fine", **FROM)
    told = []
    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        others = [stack.enter_context(open_another()) for _ in range(4)]
        [*threads.map(lambda other: create(other, fine, coarse.origin, told.append), others)]
    assert queued(load_study(database, "fine")) == [{"rate": 0.6}, {"rate": 0.3}, {"rate": 0.8}]
    assert len(told) == 1


@pytest.mark.parametrize("before", ["queue", "set_user_attr"])
def test_a_creator_that_dies_half_way_leaves_nothing_that_is_queued_twice(
    database, open_another, coarse, create_study, monkeypatch, before
):
    def die(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(creation if before == "queue" else optuna.Study, before, die)
        with pytest.raises(KeyboardInterrupt):
            create_study(name="fine", **FROM)
    assert study_names(database) == ["blobs"]  # no worker finds it
    half = optuna.load_study(study_name="fine", storage=database.storage)
    assert len(half.trials) == (0 if before == "queue" else 3)
    complete(coarse, 0.99, {"rate": 0.45})  # meanwhile
    with open_another() as other:
        fine = create(other, definition(name="fine", **FROM), coarse.origin)
        assert queued(fine) == [{"rate": 0.45}, {"rate": 0.6}, {"rate": 0.3}]
    assert marks(load_study(database, "fine")) == [
        "trial 5 of blobs",
        "trial 4 of blobs",
        "trial 1 of blobs",
    ]


@pytest.mark.usefixtures("coarse")
def test_trials_that_are_queued_by_hand_are_added_to_it(database, create_study):
    fine = create_study(name="fine", budget={"trials": 5}, **FROM)
    given = [Given("here", {"rate": rate}) for rate in (0.3, 0.35)]
    assert [one.number for one in enqueue(database, "fine", given)] == [1, 3]
    assert queued(fine)[3] == {"rate": 0.35}
    assert WARM_START not in fine.study.trials[3].user_attrs


# ---- what is refused

REFUSED = {
    "nobody": (
        {"study": "nobody"},
        {},
        'there is no study "nobody"; the database has: blobs, empty',
    ),
    "empty": ({"study": "empty"}, {}, '"empty" has no complete trial yet'),
    "family": (
        {"study": "blobs"},
        {"model": "centroid:SAMPLED", "space": {"shrinkage": [0.1, 0.2]}, "fixed": {}},
        '"blobs" searches the model centroid:STEPWISE, not centroid:SAMPLED',
    ),
    "direction": (
        {"study": "blobs"},
        {"evaluation": {"holdout": 0.5, "metric": "error_rate"}},
        '"blobs" is to maximize accuracy, this one to minimize error_rate',
    ),
    "space": (
        {"study": "blobs"},
        {"space": {"rate": {"low": 0.91, "high": 0.99}}},
        'no value of the best trials of "blobs" is in this space',
    ),
}


@pytest.mark.usefixtures("coarse")
def test_a_study_that_can_not_be_started_from_is_refused_and_nothing_is_stored(
    database, create_study
):
    complete(create_study(name="empty"), None, {"rate": 0.2}, TrialState.PRUNED)
    for start, changes, problem in REFUSED.values():
        with pytest.raises(StudyError) as refused:
            create_study(name="fine", warm_start=start, **changes)
        assert str(refused.value) == f"warm_start.study: {problem}"
        everything = optuna.get_all_study_names(database.storage)
        assert [*everything] == ["blobs", "empty"]


@pytest.mark.usefixtures("coarse")
def test_a_study_of_another_tool_is_no_start(database, create_study):
    optuna.create_study(study_name="theirs", storage=database.storage)
    with pytest.raises(StudyError, match=r'^warm_start\.study: .* "theirs" was not created by hpo'):
        create_study(name="fine", warm_start={"study": "theirs"})
