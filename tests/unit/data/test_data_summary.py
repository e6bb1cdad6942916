import numpy as np
import pytest

from hpo.data import Dataset, describe
from hpo.data.summary import guess_shape


def dataset(y, shape=None, features=16):
    X = np.linspace(-1, 3, len(y if y is not None else [0]) * features, dtype=np.float32)
    return Dataset(X=X.reshape(-1, features), y=y, shape=shape, source="rows.csv")


def test_labelled():
    data = dataset(np.array([5, 2, 5, 5, 2, 9, 9, 9, 9]))
    summary = describe(data)
    assert (summary.source, summary.rows, summary.features) == ("rows.csv", 9, 16)
    assert (summary.shape, summary.guessed) == ((4, 4, 1), True)
    assert summary.value_range == (-1.0, 3.0)
    assert summary.rows_per_class == {2: 2, 5: 3, 9: 4}
    assert summary.balance == 0.5
    assert summary.fingerprint == data.fingerprint


def test_unlabelled():
    summary = describe(dataset(None))
    assert summary.rows_per_class == {}
    assert summary.balance is None


def test_known_shape_is_not_guessed():
    summary = describe(dataset(np.array([0, 1]), shape=(2, 8, 1)))
    assert (summary.shape, summary.guessed) == ((2, 8, 1), False)


@pytest.mark.parametrize(
    ("features", "shape"),
    [(784, (28, 28, 1)), (3072, (32, 32, 3)), (785, None), (1, (1, 1, 1)), (3, (1, 1, 3))],
)
def test_guess(features, shape):
    assert guess_shape(features) == shape
