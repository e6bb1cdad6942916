import numpy as np
import pytest

from hpo.data import to_images, to_rows


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(5, 4, 1), (4, 7, 3), (28, 28, 1)])
def test_rows_and_images_are_inverse(shape, transposed):
    images = np.arange(3 * np.prod(shape)).reshape(3, *shape)
    rows = to_rows(images, transposed)
    assert rows.shape == (3, np.prod(shape))
    np.testing.assert_array_equal(to_images(rows, shape, transposed), images)


def test_transposed_rows_go_down_the_columns():
    image = np.array([[[1, 2, 3], [4, 5, 6]]])
    assert to_rows(image).tolist() == [[1, 2, 3, 4, 5, 6]]
    assert to_rows(image, transposed=True).tolist() == [[1, 4, 2, 5, 3, 6]]
    upright = to_images(np.array([[1, 4, 2, 5, 3, 6]]), (2, 3, 1), transposed=True)
    assert upright[0, :, :, 0].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_channels_stay_together():
    rows = np.array([[1, 10, 3, 30, 2, 20, 4, 40]])
    upright = to_images(rows, (2, 2, 2), transposed=True)
    assert upright[0, :, :, 0].tolist() == [[1, 2], [3, 4]]
    assert upright[0, :, :, 1].tolist() == [[10, 20], [30, 40]]


@pytest.mark.parametrize("transposed", [False, True])
def test_other_numbers_of_pixels_are_refused(transposed):
    with pytest.raises(ValueError, match="reshape"):
        to_images(np.zeros((4, 8)), (4, 4, 1), transposed)
