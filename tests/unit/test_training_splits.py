import numpy as np
import pytest

from hpo.training.splits import folds, holdout

Y = np.repeat([0, 1, 4], [100, 60, 40])


@pytest.mark.parametrize(
    ("splits", "count"),
    [(lambda seed: holdout(Y, 0.25, seed), 1), (lambda seed: folds(Y, 4, seed), 4)],
    ids=["holdout", "folds"],
)
class TestBoth:
    def test_every_row_is_on_one_side(self, splits, count):
        assert len(splits(0)) == count
        for train, valid in splits(0):
            assert sorted([*train, *valid]) == list(range(200))

    def test_each_class_is_held_out_alike(self, splits, count):  # noqa: ARG002
        for _, valid in splits(0):
            assert np.bincount(Y[valid]).tolist() == [25, 15, 0, 0, 10]

    def test_the_same_seed_splits_the_same(self, splits, count):  # noqa: ARG002
        for first, second in zip(splits(3), splits(3), strict=True):
            np.testing.assert_array_equal(first[0], second[0])
            np.testing.assert_array_equal(first[1], second[1])

    def test_another_seed_splits_otherwise(self, splits, count):  # noqa: ARG002
        assert set(splits(0)[0][1]) != set(splits(1)[0][1])

    def test_rows_are_not_held_out_in_their_order(self, splits, count):  # noqa: ARG002
        zeros = sorted(row for row in splits(0)[0][1] if row < 100)
        assert zeros != list(range(zeros[0], zeros[0] + 25))


def test_folds_hold_each_row_out_once():
    held_out = np.concatenate([valid for _, valid in folds(Y, 4, 0)])
    assert sorted(held_out) == list(range(200))
