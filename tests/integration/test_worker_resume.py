"""A trial that another worker goes on with computes nothing twice."""

import numpy as np
import pytest
from optuna.trial import TrialState

from hpo.artifacts import trial_folder
from hpo.cli.studies import objective_of
from hpo.objective import Kept
from hpo.study import load
from hpo.training import batches as batches_module
from hpo.worker.signals import Stop
from hpo.worker.trial import run_trial

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
    """Give how many epochs were trained, by counting their orders."""
    counted, count = [], batches_module.count

    def counting(first=0):
        for epoch in count(first):
            counted.append(epoch)
            yield epoch

    monkeypatch.setattr(batches_module, "count", counting)
    return counted


class StopAfter(Stop):
    """Tells the worker to stop when it has asked so often."""

    def __init__(self, asks):
        super().__init__()
        self.asks = asks

    @property
    def requested(self):
        self.asks -= 1
        return self.asks < 0


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
    assert not trial_folder("interrupted", 0).exists()


def test_no_finished_epoch_is_trained_again(create_network, leases, epochs):
    stored = create_network(budget={"trials": 1}, name="counted")
    objective = objective_of(stored)
    ours = leases(stored)
    run_trial(ours.take(), objective, StopAfter(1))
    assert trial_folder("counted", 0).exists()
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
        objective.evaluate(params, lambda *_: None, Kept(on_fold=die, folder=tmp_path / "kept"))
    epochs.clear()
    value = objective.evaluate(params, lambda *_: None, Kept(folder=tmp_path / "kept"))
    assert epochs.count(0) == 1  # of the second fold
    assert value == objective.evaluate(params, lambda *_: None)


def test_another_worker_without_the_file_trains_again_and_ends_the_same(
    create_network, leases, open_another, monkeypatch, tmp_path
):
    stored = create_network(budget={"trials": 1}, name="elsewhere")
    objective = objective_of(stored)
    run_trial(leases(stored).take(), objective, StopAfter(1))
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "other"))
    with open_another() as other:
        theirs = load(other, "elsewhere")
        run_trial(leases(theirs, "them").take(), objective, Stop())
    (trial,) = stored.study.trials
    assert trial.value == objective.evaluate(objective.space.suggest(trial), lambda *_: None)
