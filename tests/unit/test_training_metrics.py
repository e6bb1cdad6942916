import numpy as np
import pytest

from hpo.definition import Metric
from hpo.training import metrics

# By hand: class 0 has 4 rows, 3 found; class 1 has 2 rows, 1 found; class 2 has 2 rows, none found.
Y = np.array([0, 0, 0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 0, 0, 1])
# Predicted 0 five times (3 right), 1 three times (1 right), 2 never.
F1 = (2 * 3 / (4 + 5), 2 * 1 / (2 + 3), 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", 4 / 8),
        ("error_rate", 4 / 8),
        ("balanced_accuracy", (3 / 4 + 1 / 2 + 0) / 3),
        ("f1_macro", sum(F1) / 3),
    ],
)
def test_metric_by_hand(name, value):
    result = getattr(metrics, name)(Y, PREDICTED)
    assert result == pytest.approx(value)
    assert type(result) is float


@pytest.mark.parametrize("metric", Metric)
def test_every_metric_of_a_definition_is_there_and_knows_the_best(metric):
    best = 0 if metric.direction == "minimize" else 1
    assert getattr(metrics, metric)(Y, Y) == best


def test_the_error_rate_is_what_accuracy_leaves():
    one_wrong = np.array([1, 0, 0, 0, 1, 1, 2, 2])
    assert metrics.error_rate(Y, one_wrong) == 1 / 8
