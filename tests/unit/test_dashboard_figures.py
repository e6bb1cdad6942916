"""Pictures of trials of all kinds."""

import io

import matplotlib.image
import numpy as np
import pytest

from hpo.dashboard.figures import Curve, _matrix, confusion_matrix, learning_curve, mistakes
from hpo.evaluation import Evaluation, Scored, evaluate
from hpo.training.task import Task


def evaluation(shape=(4,), classes=(2, 5, 9), rows=30, wrong=5, fold=0):
    rng = np.random.default_rng(0)
    y = rng.choice(classes, rows)
    predicted = y.copy()
    predicted[:wrong] = [next(label for label in classes if label != one) for one in y[:wrong]]
    X = rng.random((rows, int(np.prod(shape))), np.float32)
    task = Task(shape=shape, classes=tuple(classes))
    return evaluate(task, X, y, [Scored(fold=fold, rows=np.arange(rows), predicted=predicted)])


def shown(content):
    """Return a picture's pixels."""
    return matplotlib.image.imread(io.BytesIO(content), format="png")


def test_a_matrix_adds_up_the_folds():
    folds = {0: ((2, 2, 7), (2, 9, 1)), 1: ((2, 2, 1), (9, 5, 4))}
    found = Evaluation(classes=(2, 5, 9), shape=(4,), folds=folds, mistakes=())
    assert _matrix(found).tolist() == [[8, 0, 1], [0, 0, 0], [0, 4, 0]]


@pytest.mark.parametrize("classes", [(0, 1), range(10), range(100)], ids=len)
def test_a_matrix_of_any_size_is_drawn(classes):
    right = shown(confusion_matrix("trial 1", evaluation(classes=classes, wrong=0)))
    wrong = shown(confusion_matrix("trial 1", evaluation(classes=classes, wrong=30)))
    assert right.shape == wrong.shape == (704, 704, 4)
    assert (right != wrong).any()


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 6, 3), (5, 9, 2), (13,)], ids=str)
@pytest.mark.parametrize("wrong", [0, 9])
def test_mistakes_of_any_kind_are_drawn(shape, wrong):
    found = shown(mistakes("trial 1", evaluation(shape=shape, wrong=wrong)))
    assert found.shape[1] > 500
    if wrong:
        assert (found != shown(mistakes("trial 2", evaluation(shape=shape, wrong=wrong)))).any()


def test_a_curve_is_drawn_beside_the_best():
    climb = Curve(title="trial 1", metric="accuracy", values={1: 0.5, 2: 0.75})
    beside = Curve(
        title="trial 1",
        metric="accuracy",
        values={1: 0.5, 2: 0.75},
        best_title="the best, trial 7",
        best={1: 0.6, 2: 0.9, 3: 0.95},
        folds=(2,),
    )
    alone, both = shown(learning_curve(climb)), shown(learning_curve(beside))
    assert alone.shape == both.shape == (440, 704, 4)
    assert (alone != both).any()


def test_a_curve_of_one_step_is_drawn():
    assert shown(learning_curve(Curve(title="trial 1", metric="f1", values={3: 0.5}))).size
