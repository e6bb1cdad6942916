"""A definition goes in once: what may change afterwards, and what is refused."""

import logging
from dataclasses import replace

import optuna
import pytest
from blobs import content, definition, write_rows
from optuna.trial import TrialState, create_trial

from hpo.errors import StudyError
from hpo.storage.keys import DEFINITION, ORIGIN
from hpo.study import create, load_study, study_names


def test_a_study_that_is_created_again_keeps_its_trials(database, create_study):
    stored = create_study()
    stored.study.add_trial(create_trial(state=TrialState.WAITING))
    again = create_study()
    assert again.definition == stored.definition
    assert len(again.study.trials) == 1
    assert study_names(database) == ["blobs"]


def test_a_study_is_loaded_as_it_was_created(database, create_study):
    stored = create_study(evaluation={"folds": 3, "metric": "error_rate"}, seed=7)
    loaded = load_study(database, "blobs")
    assert loaded.definition == stored.definition
    assert loaded.origin == stored.origin
    assert loaded.study.direction is optuna.study.StudyDirection.MINIMIZE


@pytest.mark.parametrize("budget", [{"trials": 50}, {"trials": 1}, {"wall_time": "2h"}])
def test_the_budget_may_change(database, create_study, budget, caplog):
    caplog.set_level(logging.INFO)
    create_study()
    assert "budget" not in caplog.text
    changed = create_study(budget=budget).definition
    assert "the budget of blobs was { trials = 3 }, and is { " in caplog.text
    assert changed == definition(budget=budget)
    assert load_study(database, "blobs").definition == changed


def test_the_data_may_move(database, create_study, rows, tmp_path):
    create_study()
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    create_study(rows=rows.rename(moved / "rows.npy"), data={"train": "rows.npy"})
    stored = load_study(database, "blobs")
    assert stored.origin.folder / stored.definition.data.train == moved / "rows.npy"


CHANGES = {
    "seed": {"seed": 1},
    "model": {"model": "centroid:SAMPLED", "space": {"shrinkage": [0.1, 0.2]}, "fixed": {}},
    "space.rate.high": {"space": {"rate": {"low": 0.1, "high": 0.8}}},
    "space.rate": {"space": {"rate": [0.1, 0.9]}},
    "fixed.epochs": {"fixed": {"epochs": 5}},
    "fixed.pause": {"fixed": {"epochs": 4, "pause": 0.1}},
    "evaluation.metric": {"evaluation": {"holdout": 0.5, "metric": "error_rate"}},
    "evaluation.holdout": {"evaluation": {"folds": 2}},
    "sampler.name": {"sampler": {"name": "qmc"}},
    "pruner.name": {"pruner": {"name": "asha"}},
    "data.range": {"data": {"train": "blobs.npy", "range": [-9, 9]}},
}


def test_any_other_change_is_refused_by_its_key(database, create_study):
    create_study()
    for key, changes in CHANGES.items():
        refusal = rf'^{key}: [^\n]* in the stored study "blobs"; give the file another name [^\n]*$'
        with pytest.raises(StudyError, match=refusal):
            create_study(**changes)
        assert load_study(database, "blobs").definition == definition()


def test_other_rows_are_refused(create_study, tmp_path):
    create_study()
    (tmp_path / "new").mkdir()
    with pytest.raises(StudyError, match=r"^data\.train: these rows differ .* \"blobs\" \(sha256"):
        create_study(rows=write_rows(tmp_path / "new", seed=1))


def test_a_study_of_another_tool_is_refused(database, create_study):
    foreign = optuna.create_study(study_name="blobs", storage=database.storage)
    foreign.enqueue_trial({"x": 1})
    with pytest.raises(StudyError, match='there is a study "blobs" that hpo did not create'):
        create_study()
    assert foreign.user_attrs == {}


def test_an_empty_study_of_another_tool_that_looks_the_other_way_is_refused(database, create_study):
    optuna.create_study(study_name="blobs", storage=database.storage, direction="minimize")
    with pytest.raises(StudyError, match='there is a study "blobs" that hpo did not create'):
        create_study()  # accuracy is maximized


def test_a_study_of_another_tool_is_not_loaded(database):
    optuna.create_study(study_name="theirs", storage=database.storage)
    with pytest.raises(StudyError, match='"theirs" was not created by hpo'):
        load_study(database, "theirs")
    assert study_names(database) == []


@pytest.mark.parametrize("stored_before_death", [(), (ORIGIN,)])
def test_a_study_whose_creator_died_is_completed(database, create_study, stored_before_death):
    half = optuna.create_study(study_name="blobs", storage=database.storage, direction="maximize")
    for key in stored_before_death:
        half.set_user_attr(key, {})
    create_study()
    assert load_study(database, "blobs").definition == definition()


def test_a_creator_that_dies_leaves_nothing_that_looks_complete(
    database, create_study, monkeypatch
):
    def die(_study, key, _value):
        if key == DEFINITION:
            raise KeyboardInterrupt

    monkeypatch.setattr(optuna.Study, "set_user_attr", die)
    with pytest.raises(KeyboardInterrupt):
        create_study()
    assert study_names(database) == []


def test_an_unknown_name_is_answered_with_the_known_ones(database, create_study):
    with pytest.raises(StudyError, match='no study "nobody"; the database has: none yet'):
        load_study(database, "nobody")
    create_study()
    create_study(name="second")
    with pytest.raises(StudyError, match=r'no study "nobody"; the database has: blobs, second$'):
        load_study(database, "nobody")


def test_two_studies_of_one_file_do_not_mix(create_study):
    first, second = create_study(), create_study(name="second")
    first.study.add_trial(create_trial(state=TrialState.WAITING))
    assert len(second.study.trials) == 0


def test_content_names_every_section_that_a_change_is_tried_on():
    tried = {key.partition(".")[0] for key in CHANGES}
    assert tried >= set(content()) - {"name", "budget"}


def test_the_stored_origin_is_the_newest(database, create_study):
    stored = create_study()
    newer = replace(stored.origin, label_column=0)
    create(database, stored.definition, newer)
    assert load_study(database, "blobs").origin == newer


@pytest.mark.parametrize("target", [98, -0.1, float("nan"), float("inf")])
def test_a_target_that_no_trial_can_reach_is_refused(database, create_study, target):
    with pytest.raises(StudyError) as refused:
        create_study(budget={"trials": 2, "target": target})
    assert str(refused.value) == (
        f"budget.target: {target:g} is no value of accuracy, which lies between 0 and 1"
    )
    assert study_names(database) == []
