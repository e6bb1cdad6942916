import numpy as np
import pytest

from hpo.training.images import to_images
from hpo.training.task import Task


def task(shape, transposed):
    return Task(shape=shape, classes=(0, 1), transposed=transposed)


def test_rows_are_folded_line_by_line():
    images = np.arange(3 * 4 * 7 * 3).reshape(3, 4, 7, 3)
    folded = to_images(images.reshape(3, -1), task((4, 7, 3), False))
    np.testing.assert_array_equal(folded, images)


def test_transposed_rows_go_down_the_columns():
    upright = to_images(np.array([[1, 4, 2, 5, 3, 6]]), task((2, 3, 1), True))
    assert upright[0, :, :, 0].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_channels_stay_together():
    upright = to_images(np.array([[1, 10, 3, 30, 2, 20, 4, 40]]), task((2, 2, 2), True))
    assert upright[0, :, :, 0].tolist() == [[1, 2], [3, 4]]
    assert upright[0, :, :, 1].tolist() == [[10, 20], [30, 40]]


@pytest.mark.parametrize("transposed", [False, True])
def test_other_numbers_of_pixels_are_refused(transposed):
    with pytest.raises(ValueError, match="reshape"):
        to_images(np.zeros((4, 9)), task((4, 4, 1), transposed))
