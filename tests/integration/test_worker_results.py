"""What stays of a trial: models, evaluation and log, as Optuna and its dashboard find them."""

import logging

import pytest
from centroid import stepwise
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import TrialState

from hpo.artifacts import open_artifacts
from hpo.artifacts.dashboard import OptunaStore
from hpo.evaluation import FILE, Evaluation
from hpo.study import Want, load_study, set_control
from hpo.worker.signals import Stop

FOLDED = {"evaluation": {"folds": 2}, "budget": {"trials": 1}}


@pytest.fixture
def files(database):
    """Return the names of a trial's files, and what is in each."""
    store = OptunaStore(open_artifacts())

    def read(trial):
        found = {}
        for meta in get_all_artifact_meta(trial, storage=database.storage):
            with store.open_reader(meta.artifact_id) as file:
                found[meta.filename] = file.read()
        return found

    return read


def test_a_complete_trial_keeps_the_model_of_each_fold_and_its_log(
    create_study, work, files, caplog
):
    caplog.set_level(logging.INFO)
    stored = create_study(**FOLDED)
    work(stored)
    found = files(stored.study.trials[0])
    log = found.pop("log.txt").decode()
    assert set(found) == {"fold-1-centroids.npy", "fold-2-centroids.npy", FILE}
    assert all(found.values())
    assert "INFO trial 0: {'rate': " in log


def test_a_pruned_trial_keeps_its_evaluation_alone(
    database, create_study, work, files, monkeypatch
):
    stored = create_study(budget={"trials": 1})
    fit = stepwise.fit

    def cancelled(*args):
        set_control(database, "blobs", Want.CANCEL)
        return fit(*args)

    monkeypatch.setattr(stepwise, "fit", cancelled)
    work(stored)
    assert stored.study.trials[0].state is TrialState.PRUNED
    found = files(stored.study.trials[0])
    assert set(found) == {FILE}
    assert open_artifacts().usage() == len(found[FILE])


def test_a_failed_trial_keeps_its_log(create_study, work, files, monkeypatch):
    def fit(*_):
        logging.getLogger("my_model").warning("about to fail")
        raise ValueError("a bug")

    monkeypatch.setattr(stepwise, "fit", fit)
    stored = create_study(budget={"trials": 1})
    work(stored)
    found = files(stored.study.trials[0])
    assert set(found) == {"log.txt"}
    assert b"WARNING about to fail" in found["log.txt"]


@pytest.fixture
def stop_in_the_second_fold(monkeypatch):
    """What tells a worker to stop when its trial begins its second fold."""
    stop, fit, calls = Stop(), stepwise.fit, []

    def fit_or_stop(*args):
        calls.append(args)
        if len(calls) == 2:
            stop.request()
        return fit(*args)

    monkeypatch.setattr(stepwise, "fit", fit_or_stop)
    return stop


def rows_of(evaluation):
    """Count the rows of each fold."""
    return {fold: sum(cell[2] for cell in cells) for fold, cells in evaluation.folds.items()}


def test_an_evaluation_says_what_the_value_says(create_study, work, files):
    stored = create_study(evaluation={"folds": 2, "metric": "accuracy"}, budget={"trials": 1})
    work(stored)
    (trial,) = stored.study.trials
    found = Evaluation.read(files(trial)[FILE])
    cells = [cell for fold in found.folds.values() for cell in fold]
    right = sum(rows for label, predicted, rows in cells if label == predicted)
    assert right / sum(rows for *_, rows in cells) == pytest.approx(trial.value)
    assert rows_of(found) == {0: 30, 1: 30}
    assert all(one.label != one.predicted and one.pixels is None for one in found.mistakes)


def test_a_trial_that_goes_on_elsewhere_keeps_one_evaluation_of_all_its_folds(
    create_study, work, files, stop_in_the_second_fold
):
    stored = create_study(**FOLDED)
    work(stored, stop_in_the_second_fold)
    (handed_back,) = stored.study.trials
    assert handed_back.state is TrialState.WAITING
    assert rows_of(Evaluation.read(files(handed_back)[FILE])) == {0: 30}
    work(stored)
    (trial,) = stored.study.trials
    assert rows_of(Evaluation.read(files(trial)[FILE])) == {0: 30, 1: 30}
    listed = [meta.filename for meta in get_all_artifact_meta(trial, storage=stored.study._storage)]
    assert listed.count(FILE) == 1


def test_predictions_that_make_no_sense_cost_a_trial_only_its_evaluation(
    create_study, work, files, monkeypatch
):
    monkeypatch.setattr(stepwise, "predict", lambda _c, _t, X: ["1"] * len(X))
    monkeypatch.setattr("hpo.training.metrics.accuracy", lambda _y, _predicted: 0.5)
    stored = create_study(budget={"trials": 1})
    work(stored)
    (trial,) = stored.study.trials
    assert (trial.state, trial.value) == (TrialState.COMPLETE, 0.5)
    found = files(trial)
    assert FILE not in found
    assert b"the evaluation of trial 0 is not saved: " in found["log.txt"]


def test_an_earlier_evaluation_that_is_gone_does_not_cost_the_new_one(
    create_study, work, files, stop_in_the_second_fold
):
    stored = create_study(**FOLDED)
    work(stored, stop_in_the_second_fold)
    (kept,) = open_artifacts().place.root.glob("blobs/0/*.json")
    kept.unlink()
    work(stored)
    (trial,) = stored.study.trials
    assert rows_of(Evaluation.read(files(trial)[FILE])) == {1: 30}


@pytest.fixture
def take_over(open_another, leases, make_stale):
    """Let another worker take the running trial."""
    with open_another() as other:

        def take():
            make_stale()
            return leases(load_study(other, "blobs"), "them").take()

        yield take


def test_a_worker_that_lost_its_trial_leaves_no_file_and_replaces_none(
    create_study, work, files, stop_in_the_second_fold, take_over, monkeypatch
):
    stored, save, stop, taken = create_study(**FOLDED), stepwise.save, Stop(), []
    work(stored, stop_in_the_second_fold)
    before = files(stored.study.trials[0])
    kept = sorted(open_artifacts().place.root.glob("blobs/0/*"))
    assert len(kept) == len(before) == 2  # the model of the first fold, and the evaluation

    def lose_and_save(*args):
        taken.append(take_over().number)
        stop.request()
        return save(*args)

    monkeypatch.setattr(stepwise, "save", lose_and_save)
    work(stored, stop)
    assert taken == [0]
    assert files(stored.study.trials[0]) == before
    assert sorted(open_artifacts().place.root.glob("blobs/0/*")) == kept


def test_a_model_that_cannot_be_saved_is_missed_and_its_trial_is_complete(
    create_study, work, files, monkeypatch
):
    def save(*_):
        raise ValueError("no format for it")

    monkeypatch.setattr(stepwise, "save", save)
    stored = create_study(budget={"trials": 1})
    work(stored)
    (trial,) = stored.study.trials
    assert trial.state is TrialState.COMPLETE
    found = files(trial)
    assert set(found) == {"log.txt", FILE}
    assert b"the model of trial 0 is not saved: no format for it" in found["log.txt"]


def test_a_model_whose_file_is_not_named_is_missed_and_why_is_said(
    create_study, work, files, monkeypatch
):
    monkeypatch.setattr(stepwise, "save", lambda *_: None)
    stored = create_study(budget={"trials": 1})
    work(stored)
    (trial,) = stored.study.trials
    said = files(trial)["log.txt"]
    assert b"the model of trial 0 is not saved: save gave None, not the path of its file" in said
