"""What stays of a trial: its models and its log, as Optuna and its dashboard find them."""

import logging

import pytest
from centroid import stepwise
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import TrialState

from hpo.artifacts import open_artifacts
from hpo.artifacts.dashboard import OptunaStore
from hpo.study import Want, set_control

FOLDED = {"evaluation": {"folds": 2}, "budget": {"trials": 1}}


@pytest.fixture
def files(database):
    """Give the names of a trial's files, and what is in each."""
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
    assert set(found) == {"fold-1-centroids.npy", "fold-2-centroids.npy"}
    assert all(found.values())
    assert "INFO trial 0: {'rate': " in log


def test_a_pruned_trial_keeps_nothing(database, create_study, work, files, monkeypatch):
    stored = create_study(budget={"trials": 1})
    fit = stepwise.fit

    def cancelled(*args):
        set_control(database, "blobs", Want.CANCEL)
        return fit(*args)

    monkeypatch.setattr(stepwise, "fit", cancelled)
    work(stored)
    assert stored.study.trials[0].state is TrialState.PRUNED
    assert files(stored.study.trials[0]) == {}
    assert open_artifacts().usage() == 0


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
    assert set(found) == {"log.txt"}
    assert b"the model of trial 0 is not kept: no format for it" in found["log.txt"]
