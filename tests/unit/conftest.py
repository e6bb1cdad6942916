import time

import numpy as np
import pytest

from hpo.data import Dataset
from hpo.definition import parse


@pytest.fixture
def content():
    """A definition as a TOML file gives it, for tests to change."""
    return {
        "name": "small",
        "model": "svm",
        "data": {"train": "rows.npy"},
        "evaluation": {"holdout": 0.3},
        "space": {
            "components": {"low": 2, "high": 6},
            "whiten": [True, False],
            "kernel": ["rbf", "linear"],
            "C": {"low": 1, "high": 1000, "log": True},
            "gamma": {"low": 0.001, "high": 1, "log": True},
        },
        "fixed": {"class_weight": "none"},
        "budget": {"trials": 4},
    }


@pytest.fixture
def cnn_content(content):
    """The same for the convolutional network, on images of 6x6 pixels."""
    return {
        **content,
        "model": "cnn",
        "data": {"train": "rows.npy", "shape": [6, 6, 1]},
        "evaluation": {"folds": 5},
        "space": {
            "optimizer": ["adam", "nadam", "rmsprop"],
            "batch_size": [32, 64, 128],
            "init": ["normal", "uniform"],
            "activation": ["relu", "sigmoid"],
        },
        "fixed": {"blocks": 1, "dense_units": 8, "dropout": 0.5, "epochs": 10},
    }


@pytest.fixture
def definition(content):
    return parse(content, "small.toml")


@pytest.fixture
def dataset():
    """Ninety rows of 36 numbers in three classes that a model can nearly tell apart."""
    rng = np.random.default_rng(0)
    y = np.tile([2, 5, 9], 30)
    X = rng.random((90, 36)) + (y[:, None] % 3) * 0.18 * rng.random(36)
    return Dataset(X=X.astype(np.float32), y=y, shape=None, source="rows.npy")


@pytest.fixture
def in_berlin(monkeypatch):
    """Local time that is changed twice a year, at 1:00 UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()
