"""No training waits at its end for tf.data to wake."""

import sys
from inspect import unwrap

import numpy as np
import pytest

from hpo.worker.tuning import end_without_tuning

X = np.zeros((4, 2), np.float32)

pytestmark = pytest.mark.slow  # imports Keras


@pytest.fixture
def adapters(monkeypatch):
    pytest.importorskip("keras")
    adapters = sys.modules["keras.src.trainers.data_adapters"]
    for name in ("GeneratorDataAdapter", "ArrayDataAdapter"):
        adapter = getattr(adapters, name)
        # As Keras has it: a worker of another test may have been at it.
        monkeypatch.setattr(adapter, "get_tf_dataset", unwrap(adapter.get_tf_dataset))
    return adapters


def tuned(adapters, data):
    return adapters.get_data_adapter(data).get_tf_dataset().options().autotune.enabled


@pytest.mark.parametrize("data", [lambda: X, lambda: ((X, X) for _ in range(3))])
def test_what_keras_iterates_over_is_not_tuned(adapters, data):
    """TensorFlow's default is to tune; Keras asks for no tuning itself where the first line fails:
    then tuning.py can go."""
    assert tuned(adapters, data()) is not False
    end_without_tuning()
    end_without_tuning()  # as where a worker serves a second study
    assert tuned(adapters, data()) is False


@pytest.mark.usefixtures("adapters")
def test_predictions_stay_the_same():
    keras = sys.modules["keras"]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    rows = np.random.default_rng(0).random((50, 2), dtype=np.float32)
    before = model.predict(rows, 8, verbose=0)
    end_without_tuning()
    assert (model.predict(rows, 8, verbose=0) == before).all()
