"""A trial that another worker goes on with computes nothing twice."""

import os
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import TrialState
from trials import StopAfter, run_trial

from hpo.artifacts import Artifacts
from hpo.errors import ArtifactError, DatabaseAway
from hpo.objective import Progress
from hpo.opening import objective_of
from hpo.storage.keys import CHECKPOINT
from hpo.storage.ownership import OwnedTrial
from hpo.study import load_study
from hpo.training import batches as batches_module
from hpo.worker import checkpoints, climber
from hpo.worker.signals import Stop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

EPOCHS = 4
NETWORK = {
    "model": "cnn",
    "data": {"train": "images.npy", "shape": [6, 6, 1]},
    "evaluation": {"folds": 2},
    "space": {"learning_rate": [0.003, 0.01], "dropout": [0.1]},
    "fixed": {"blocks": 1, "filters": 4, "dense_units": 6, "epochs": EPOCHS, "batch_norm": True},
}


@pytest.fixture
def create_network(create_study, tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    y = np.tile([0, 1, 2], 20)
    X = rng.random((60, 36)) + y[:, None] * 0.2
    np.save(tmp_path / "images.npy", np.column_stack([X, y]).astype(np.float32))
    return lambda **changes: create_study(tmp_path / "images.npy", **NETWORK, **changes)


@pytest.fixture
def epochs(monkeypatch):
    """Return how many epochs were trained, by counting their orders."""
    counted, count = [], batches_module.count

    def counting(first=0):
        for epoch in count(first):
            counted.append(epoch)
            yield epoch

    monkeypatch.setattr(batches_module, "count", counting)
    return counted


def kept_files():
    """Return what is kept to go on with, finished or not."""
    folder = Path(os.environ["HPO_HOME"], "artifacts")
    found = [*folder.rglob("checkpoints/*"), *folder.rglob("_unfinished/*")]
    return [path for path in found if path.is_file()]


def test_a_handed_back_trial_goes_on_where_it_was_and_ends_the_same(create_network, leases):
    stored = create_network(budget={"trials": 1}, name="interrupted")
    objective = objective_of(stored)
    ours = leases(stored)
    reported = []
    for stop in (StopAfter(1), StopAfter(4), Stop()):  # in the first fold, in the second, never
        run_trial(ours.take(), objective, stop)
        reported.append([*stored.study.trials[0].intermediate_values])
    assert reported == [[1, 2], [1, 2, 3, 4, 5, 6], [*range(1, 9)]]
    (trial,) = stored.study.trials
    assert trial.state is TrialState.COMPLETE
    assert trial.value == objective.evaluate(objective.space.suggest(trial), lambda *_: None)
    assert kept_files() == []


def test_no_finished_epoch_is_trained_again(create_network, leases, epochs):
    stored = create_network(budget={"trials": 1}, name="counted")
    objective = objective_of(stored)
    ours = leases(stored)
    run_trial(ours.take(), objective, StopAfter(1))
    assert len(kept_files()) == 1
    first = len(epochs)
    run_trial(ours.take(), objective, Stop())
    # A generator may begin an epoch that nobody asks for.
    assert first <= 3
    assert len(epochs) - first <= 2 * (EPOCHS + 1) - 2
    assert epochs[first] == 2


def test_a_fold_whose_value_was_not_written_is_not_trained_again(create_network, epochs, tmp_path):
    objective = objective_of(create_network(name="killed"))
    params = objective.space.Params(learning_rate=0.01, dropout=0.1, **NETWORK["fixed"])

    def die(_values):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objective.evaluate(params, lambda *_: None, Progress(on_fold=die, folder=tmp_path))
    epochs.clear()
    value = objective.evaluate(params, lambda *_: None, Progress(folder=tmp_path))
    assert epochs.count(0) == 1  # of the second fold
    assert value == objective.evaluate(params, lambda *_: None)


def test_another_worker_without_the_store_trains_again_and_ends_the_same(
    create_network, leases, open_another, monkeypatch, tmp_path
):
    stored = create_network(budget={"trials": 1}, name="elsewhere")
    objective = objective_of(stored)
    run_trial(leases(stored).take(), objective, StopAfter(1))
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "other"))
    with open_another() as other:
        theirs = load_study(other, "elsewhere")
        run_trial(leases(theirs, "them").take(), objective, Stop())
    (trial,) = stored.study.trials
    assert trial.value == objective.evaluate(objective.space.suggest(trial), lambda *_: None)


def test_a_worker_that_lost_its_trial_does_not_touch_what_the_next_one_goes_on_with(
    create_network, leases, open_another, make_stale, epochs, monkeypatch
):
    monkeypatch.setattr(climber, "BATCH", 0.0)
    stored = create_network(budget={"trials": 1}, name="frozen")
    objective = objective_of(stored)
    ours = leases(stored)
    with open_another() as other:
        theirs = load_study(other, "frozen")

        class TakenOver(Stop):
            asked = 0

            @property
            def requested(self):  # it is asked after each step that was written
                self.asked += 1
                if self.asked == 2:
                    make_stale()
                    run_trial(leases(theirs, "them").take(), objective, StopAfter(1))
                    self.theirs = kept_files()
                return False

        stop = TakenOver()
        run_trial(ours.take(), objective, stop)  # finds out with its third step
        assert len(stop.theirs) == 1
        assert kept_files() == stop.theirs
    epochs.clear()
    run_trial(ours.take(), objective, Stop())
    assert stored.study.trials[0].state is TrialState.COMPLETE
    assert kept_files() == []
    assert epochs[0] > 0


@pytest.mark.parametrize("place", ["unwritable", "s3://nobody/answers"])
def test_where_nothing_can_be_kept_the_trial_goes_on_and_ends_the_same(
    create_network, leases, monkeypatch, tmp_path, caplog, place
):
    (tmp_path / "unwritable").mkdir()
    (tmp_path / "unwritable" / "_unfinished").write_text("no folder")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPO_ARTIFACTS", place)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")  # nobody listens
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    stored = create_network(budget={"trials": 1}, name="unkept")
    objective = objective_of(stored)
    ours = leases(stored)
    for stop in (StopAfter(1), Stop()):
        run_trial(ours.take(), objective, stop)
    (trial,) = stored.study.trials
    assert trial.value == objective.evaluate(objective.space.suggest(trial), lambda *_: None)
    assert "the checkpoint of trial 0 is not saved" in caplog.text


def test_a_training_that_is_gone_begins_anew_and_says_so(create_network, leases, caplog):
    stored = create_network(budget={"trials": 1}, name="gone")
    objective = objective_of(stored)
    ours = leases(stored)
    run_trial(ours.take(), objective, StopAfter(1))
    for path in kept_files():
        path.unlink()
    run_trial(ours.take(), objective, Stop())
    (trial,) = stored.study.trials
    assert trial.value == objective.evaluate(objective.space.suggest(trial), lambda *_: None)
    assert "trial 0 starts this fold over" in caplog.text


def test_what_is_kept_of_a_trial_that_somebody_ends_goes_with_the_study(
    create_network, database, leases, work
):
    stored = create_network(budget={"trials": 1}, name="failed")
    run_trial(leases(stored).take(), objective_of(stored), StopAfter(1))
    (trial,) = stored.study.trials
    database.storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    assert len(kept_files()) == 1
    work(stored)
    assert kept_files() == []
    assert CHECKPOINT not in database.records.get_trial(trial._trial_id).system_attrs


def test_what_a_store_has_not_removed_at_a_trials_end_is_removed_later(
    create_network, database, leases, work, monkeypatch
):
    stored = create_network(budget={"trials": 1}, name="away")
    objective, ours = objective_of(stored), leases(stored)
    run_trial(ours.take(), objective, StopAfter(1))

    def refuse(*_):
        raise ArtifactError("the store is away")

    with monkeypatch.context() as away:
        away.setattr(Artifacts, "remove", refuse)
        away.setattr(Artifacts, "forget_checkpoints", refuse)
        run_trial(ours.take(), objective, Stop())
        ours.sweep()
    (trial,) = stored.study.trials
    assert trial.state is TrialState.COMPLETE
    assert kept_files()
    work(stored)
    assert kept_files() == []
    assert CHECKPOINT not in database.records.get_trial(trial._trial_id).system_attrs


def test_a_trial_that_has_ended_names_nothing_to_go_on_with(
    create_network, database, leases, monkeypatch
):
    stored = create_network(budget={"trials": 1}, name="ended")
    objective, ours = objective_of(stored), leases(stored)
    for stop in (StopAfter(1), Stop()):
        run_trial(ours.take(), objective, stop)
    (trial,) = stored.study.trials
    assert CHECKPOINT not in database.records.get_trial(trial._trial_id).system_attrs
    forgotten = []
    monkeypatch.setattr(Artifacts, "forget_checkpoints", lambda *given: forgotten.append(given))
    ours.sweep()
    assert forgotten == []


def test_a_store_that_takes_long_is_not_asked_at_each_step(create_network, leases, monkeypatch):
    monkeypatch.setattr(climber, "BATCH", 0.0)
    monkeypatch.setattr(checkpoints, "PAUSE", 1e6)  # as where a save has taken very long
    stored = create_network(budget={"trials": 1}, name="slow")
    saves, save = [], Artifacts.save_checkpoint

    def counting(*args):
        saves.append(args)
        return save(*args)

    monkeypatch.setattr(Artifacts, "save_checkpoint", counting)
    run_trial(leases(stored).take(), objective_of(stored), Stop())
    assert len(saves) == 1  # of 7 that could have been


def test_an_end_whose_answer_was_lost_takes_nothing_from_the_next_worker(
    create_network, leases, open_another, monkeypatch
):
    monkeypatch.setattr(climber, "BATCH", 1e9)  # all is written with the end
    stored = create_network(budget={"trials": 1})
    end, taken = OwnedTrial.end, []

    def end_unheard(owned, *args):
        end(owned, *args)
        if not taken:
            taken.append(theirs.take())
            raise DatabaseAway("the connection broke")

    with open_another() as database:
        theirs = leases(load_study(database, stored.study.study_name), "they")
        monkeypatch.setattr(OwnedTrial, "end", end_unheard)
        run_trial(leases(stored).take(), objective_of(stored), StopAfter(4))
        (lease,) = taken
        named = lease.trial.system_attrs[CHECKPOINT]
        with lease.artifacts.open(named["artifact"]) as kept:
            assert kept.read()
