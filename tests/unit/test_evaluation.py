"""How a trial did on the rows held out, counted."""

import json

import numpy as np
import pytest

from hpo.evaluation import MOST_BYTES, MOST_MISTAKES, Evaluation, Scored, evaluate
from hpo.training.task import Task

TABLE = Task(shape=(3,), classes=(2, 5, 9))
IMAGES = Task(shape=(2, 3, 1), classes=(0, 1))


def scored(rows, predicted, fold=0):
    return Scored(fold=fold, rows=np.array(rows), predicted=np.array(predicted))


def test_each_outcome_is_counted_and_each_mistake_named():
    y = np.array([2, 2, 5, 5, 9])
    found = evaluate(TABLE, np.zeros((5, 3), np.float32), y, [scored([4, 0, 1, 3], [9, 2, 9, 2])])
    assert sorted(found.folds[0]) == [(2, 2, 1), (2, 9, 1), (5, 2, 1), (9, 9, 1)]
    assert [(one.row, one.label, one.predicted) for one in found.mistakes] == [(1, 2, 9), (3, 5, 2)]


def test_mistakes_are_taken_from_all_over_the_rows():
    y, rows = np.full(1000, 2), range(1000)
    found = evaluate(TABLE, np.zeros((1000, 3), np.float32), y, [scored(rows, [5] * 1000)])
    named = [one.row for one in found.mistakes]
    assert (len(named), named[0], named[-1]) == (MOST_MISTAKES, 0, 999)
    assert len(set(named)) == MOST_MISTAKES


def test_no_mistake_is_none():
    found = evaluate(IMAGES, np.zeros((1, 6), np.float32), np.array([1]), [scored([0], [1])])
    assert found.mistakes == ()


@pytest.mark.parametrize(
    ("transposed", "expected"),
    [(False, [0, 51, 102, 153, 204, 255]), (True, [0, 102, 204, 51, 153, 255])],
)
def test_images_are_kept_as_they_are_looked_at(transposed, expected):
    task = Task(shape=IMAGES.shape, classes=IMAGES.classes, transposed=transposed)
    X = np.array([[-1, -0.6, -0.2, 0.2, 0.6, 1]], np.float32)
    (mistake,) = evaluate(task, X, np.array([1]), [scored([0], [0])]).mistakes
    assert [*mistake.pixels] == expected


def test_the_mistakes_are_those_of_the_last_fold():
    y = np.array([2, 5])
    folds = [scored([1], [2], fold=1), scored([0], [9], fold=0)]
    found = evaluate(TABLE, np.zeros((2, 3), np.float32), y, folds)
    assert [one.row for one in found.mistakes] == [1]
    assert {*found.folds} == {0, 1}


def test_a_file_gives_what_was_written():
    rng = np.random.default_rng(0)
    found = evaluate(
        IMAGES, rng.random((9, 6), np.float32), np.ones(9, int), [scored(range(9), [0] * 9)]
    )
    assert Evaluation.read(found.write()) == found


@pytest.mark.parametrize(
    ("side", "named", "drawn"), [(28, 24, True), (150, 17, True), (700, 24, 0)]
)
def test_no_more_images_are_kept_than_a_file_holds(side, named, drawn):
    task = Task(shape=(side, side, 3), classes=(0, 1))
    X = np.zeros((30, side * side * 3), np.float32)
    found = evaluate(task, X, np.ones(30, int), [scored(range(30), [0] * 30)])
    again = Evaluation.read(found.write())
    assert [one.row for one in again.mistakes][:: named - 1] == [0, 29]
    assert len(again.mistakes) == named
    assert all((one.pixels is not None) == drawn for one in again.mistakes)


def test_earlier_folds_are_added_and_newer_ones_count():
    y, X = np.array([2, 5]), np.zeros((2, 3), np.float32)
    earlier = evaluate(TABLE, X, y, [scored([0], [2]), scored([1], [2], fold=1)])
    newer = evaluate(TABLE, X, y, [scored([1], [5], fold=1)])
    assert newer.after(earlier).folds == {0: ((2, 2, 1),), 1: ((5, 5, 1),)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classes": [0]}, "none of the classes"),
        ({"shape": [2, 2, 1]}, "another shape"),
        ({"folds": {"0": [[0, 1]]}}, "folds"),
        ({"folds": {"0": [[0, 1, 10**30]]}}, "out of range"),
        ({"mistakes": [{"row": 1}]}, "mistakes"),
        ({"mistakes": [{"row": 0, "label": 1, "predicted": 0, "pixels": ""}]}, "another shape"),
        ({"shape": [6]}, "their shape is none of an image"),
    ],
    ids=str,
)
def test_a_file_that_could_not_be_drawn_is_refused(change, said):
    found = evaluate(IMAGES, np.ones((1, 6), np.float32), np.array([1]), [scored([0], [0])])
    content = json.dumps(json.loads(found.write()) | change)
    with pytest.raises(ValueError, match=said):
        Evaluation.read(content.encode())


def test_a_file_that_is_too_large_is_not_parsed():
    with pytest.raises(ValueError, match="bytes"):
        Evaluation.read(b" " * (MOST_BYTES + 1))
