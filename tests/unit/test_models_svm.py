"""What a study may ask of the support vector classifier."""

import numpy as np
import pytest

from hpo.data import Dataset
from hpo.definition import parse
from hpo.errors import DefinitionError
from hpo.models.svm import SVM
from hpo.objective import build_objective


@pytest.fixture
def objective(content):
    def build(count):
        """Return the objective on a half of count rows of two classes."""
        X, y = np.random.default_rng(0).random((count, 5), np.float32), np.arange(count) % 2
        rows = Dataset(X=X, y=y, shape=None, source="rows.npy")
        sections = {"model": "svm", "evaluation": {"holdout": 0.5}, "space": {"C": [1.0]}}
        fixed = {"fixed": {"components": 3, "whiten": True, "kernel": "rbf"}}
        return build_objective(parse(content | sections | fixed, "my.toml"), rows, "my.toml")

    return build


def test_rows_whose_smallest_sample_is_a_single_one_are_refused(objective):
    with pytest.raises(DefinitionError) as refused:
        objective(18)
    assert str(refused.value) == (
        "my.toml: space: a trial learns from a sample of 1/9 of its rows first, and 9 rows to "
        "train on are too few for that: give at least 10"
    )


@pytest.mark.parametrize("count", [20, 21, 40])
def test_rows_that_are_enough_are_climbed_to_the_end(objective, count):
    found = objective(count)
    params = SVM.Params(components=3, whiten=True, kernel="rbf", C=1.0)
    steps = {}
    value = found.evaluate(params, lambda step, value: steps.update({step: value()}))
    assert [*steps] == [1, 3, 9]
    assert 0 <= value <= 1
