"""A process does not grow from trial to trial."""

import gc
from collections import Counter
from weakref import ref

import numpy as np
import pytest

from hpo.training.params.cnn import Params
from hpo.training.task import Task
from hpo.worker.leftovers import (
    LEFT,
    _registered_gradients,
    keep_what_is_loaded,
    leftovers_freed,
)

TASK = Task(shape=(8, 6, 1), classes=(0, 1, 2))
PARAMS = Params(blocks=1, filters=2, dense_units=3, batch_size=10, epochs=1)
X = np.random.default_rng(0).random((30, 48), dtype=np.float32)


@pytest.fixture(scope="module")
def cnn():
    return pytest.importorskip("hpo.training.cnn")


def train(cnn):
    model = cnn.fit(PARAMS, TASK, X, np.arange(30) % 3, 1)
    return cnn.scores(model, TASK, X)


def graphs():
    """Return how many graphs of functions there are."""
    kinds = Counter(type(thing).__name__ for thing in gc.get_objects())
    return kinds["FuncGraph"] + kinds["CondBranchFuncGraph"]


pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_a_training_leaves_no_graph(cnn):
    with leftovers_freed():
        first = train(cnn)
    before = graphs()
    with leftovers_freed():
        second = train(cnn)
    assert graphs() == before
    assert (first == second).all()


def test_what_is_freed_would_have_stayed(cnn):
    """TensorFlow has mended it where this fails: then leftovers.py can go."""
    before = {*_registered_gradients()}  # other tests leave some
    with leftovers_freed():
        train(cnn)
        gc.collect()
        assert any(name.startswith(LEFT) for name in _registered_gradients().keys() - before)
    assert not any(name.startswith(LEFT) for name in _registered_gradients().keys() - before)


def test_what_was_registered_before_stays(cnn):
    del cnn  # is imported, and TensorFlow with it
    table = _registered_gradients()
    table["CustomGradient-before"] = {}
    try:
        with leftovers_freed():
            table["CustomGradient-left"] = {}
            table["Mine"] = {}
        assert "CustomGradient-before" in table
        assert "CustomGradient-left" not in table
        assert "Mine" in table
    finally:
        for name in ("CustomGradient-before", "Mine"):
            del table[name]


class Cycle:
    """Garbage that only a collector frees."""

    def __init__(self):
        self.myself = self


def test_what_was_loaded_for_a_study_is_freed_when_another_one_is_loaded():
    loaded = Cycle()
    keep_what_is_loaded()
    left = ref(loaded)
    del loaded
    try:
        keep_what_is_loaded()
        assert left() is None
    finally:
        gc.unfreeze()
