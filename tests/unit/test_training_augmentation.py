import numpy as np
import pytest

from hpo.training.augmentation import augment
from hpo.training.params.cnn import Params

BOTH = pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
ALL = {"rotation": 15.0, "shift": 0.1, "zoom": 0.2}


class Limit:
    """A generator whose draws are all at the upper limit, or at the lower one."""

    def __init__(self, upper=True):
        self.upper = upper

    def uniform(self, low, high, size):
        return np.full(size, high if self.upper else low)


def images(count=5, height=9, width=9, channels=1, seed=0):
    pixels = np.random.default_rng(seed).random((count, height, width, channels))
    return pixels.astype(np.float32)


def changed(pixels, rng=0, interpolation="nearest", **limits):
    rng = np.random.default_rng(rng) if isinstance(rng, int) else rng
    params = Params(blocks=1, epochs=1, augmentation=True, interpolation=interpolation, **limits)
    return augment(params, pixels, rng)


@BOTH
@pytest.mark.parametrize("shape", [(5, 9, 9, 1), (3, 28, 28, 1), (4, 6, 11, 3), (2, 1, 5, 2)])
def test_without_limits_images_stay_the_same(interpolation, shape):
    pixels = images(*shape)
    np.testing.assert_array_equal(changed(pixels, interpolation=interpolation), pixels)


@BOTH
@pytest.mark.parametrize(("upper", "by"), [(True, -2), (False, 2)])
def test_a_shift_moves_the_image_by_its_share_of_height_and_width(interpolation, upper, by):
    pixels = np.zeros((1, 20, 10, 1), np.float32)
    pixels[0, 10, 5] = 1
    moved = changed(pixels, Limit(upper), interpolation, shift=0.2)
    rows, columns = np.nonzero(moved[0, :, :, 0] > 0.5)
    assert (rows.tolist(), columns.tolist()) == ([10 + 2 * by], [5 + by])


def test_half_a_pixel_mixes_two():
    pixels = np.zeros((1, 5, 10, 1), np.float32)
    pixels[0, :, 4] = 1
    moved = changed(pixels, Limit(), "bilinear", shift=0.05)
    np.testing.assert_allclose(moved[0, 2, :, 0], [0, 0, 0, 0.5, 0.5, 0, 0, 0, 0, 0], atol=1e-6)


@BOTH
@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("upper", [True, False])
def test_a_quarter_turn_is_a_quarter_turn(interpolation, size, upper):
    pixels = images(3, size, size, 2)
    turned = changed(pixels, Limit(upper), interpolation, rotation=90)
    expected = np.rot90(pixels, -1 if upper else 1, axes=(1, 2))
    np.testing.assert_allclose(turned, expected, atol=1e-5)


def test_a_rotation_turns_images_that_are_not_square_as_they_are_seen():
    """By pixels, not by shares of height and width."""
    pixels = images(2, 6, 10)
    half = changed(pixels, Limit(), rotation=180)
    np.testing.assert_array_equal(half, pixels[:, ::-1, ::-1])
    quarter = changed(pixels, Limit(), rotation=90)
    np.testing.assert_array_equal(quarter[:, :, 2:8], np.rot90(pixels[:, :, 2:8], -1, axes=(1, 2)))


def test_zoom_lets_the_image_grow_about_its_centre():
    pixels = np.zeros((1, 12, 12, 1), np.float32)
    pixels[0, 4:8, 4:8] = 1
    expected = np.zeros((12, 12))
    expected[3:9, 3:9] = 1  # 4 pixels as 6
    np.testing.assert_array_equal(changed(pixels, Limit(), zoom=0.5)[0, :, :, 0], expected)


def test_zoom_lets_the_image_shrink_about_its_centre():
    pixels = np.zeros((1, 12, 12, 1), np.float32)
    pixels[0, 3:9, 3:9] = 1
    expected = np.zeros((12, 12))
    expected[4:8, 4:8] = 1  # 6 pixels as 3.6
    shrunk = changed(pixels, Limit(upper=False), zoom=0.4)[0, :, :, 0]
    inside = slice(2, 10)  # without what is mirrored
    np.testing.assert_array_equal(shrunk[inside, inside], expected[inside, inside])


def test_what_comes_in_from_outside_mirrors_the_inside():
    pixels = np.arange(10, dtype=np.float32).reshape(1, 1, 10, 1)
    right = changed(pixels, Limit(), shift=0.3)[0, 0, :, 0]
    assert right.tolist() == [3, 4, 5, 6, 7, 8, 9, 8, 7, 6]
    left = changed(pixels, Limit(upper=False), shift=0.3)[0, 0, :, 0]
    assert left.tolist() == [3, 2, 1, 0, 1, 2, 3, 4, 5, 6]


def test_far_outside_there_is_the_edge():
    pixels = np.arange(3, dtype=np.float32).reshape(1, 1, 3, 1)
    assert changed(pixels, Limit(), shift=0.99 * 5)[0, 0, :, 0].tolist() == [0, 0, 0]


def test_nearest_takes_only_values_that_were_in_the_image():
    pixels = images(6, 12, 7, 2)
    for before, after in zip(pixels, changed(pixels, **ALL), strict=True):
        for channel in (0, 1):
            assert np.isin(after[..., channel], before[..., channel]).all()


def test_bilinear_stays_within_the_range_of_the_image():
    pixels = images(20, 12, 7, 2)
    mixed = changed(pixels, interpolation="bilinear", **ALL)
    assert mixed.min() >= pixels.min()
    assert mixed.max() <= pixels.max()
    assert not np.isin(mixed, pixels).all()


def angles(turned):
    """How far around the centre a bright pixel went that was at the right edge, in degrees."""
    size = turned.shape[1]
    rows, columns = np.array([np.unravel_index(one.argmax(), one.shape[:2]) for one in turned]).T
    return np.rad2deg(np.arctan2(rows - size // 2, columns - size // 2))


def test_rotations_fill_their_limits_and_keep_them():
    pixels = np.zeros((300, 101, 101, 1), np.float32)
    pixels[:, 50, 90:95] = 1
    turned = angles(changed(pixels, rotation=20))
    assert -22 < turned.min() < -17
    assert 17 < turned.max() < 22


def test_shifts_fill_their_limits_and_keep_them():
    pixels = np.tile(np.arange(101, dtype=np.float32), (300, 101, 1))[..., None]
    moved = changed(pixels, shift=0.1)[:, 50, 50, 0] - 50
    assert moved.min() == -10
    assert moved.max() == 10


def test_zooms_fill_their_limits_and_keep_them():
    pixels = np.tile(np.abs(np.arange(-50, 51, dtype=np.float32)), (300, 101, 1))[..., None]
    at = changed(pixels, zoom=0.25)[:, 50, 80, 0]  # 30 pixels beside the centre
    assert 30 / 1.25 <= at.min() <= 25
    assert 38 <= at.max() <= 30 / 0.75


@BOTH
@pytest.mark.parametrize("limit", ALL)
def test_each_image_is_changed_in_its_own_way(interpolation, limit):
    pixels = np.repeat(images(1, 20, 20), 8, axis=0)
    after = changed(pixels, interpolation=interpolation, **{limit: ALL[limit]})
    assert len({image.tobytes() for image in after}) > 5


@BOTH
def test_channels_are_changed_alike(interpolation):
    pixels = np.repeat(images(4, 12, 10), 3, axis=3)
    after = changed(pixels, interpolation=interpolation, **ALL)
    np.testing.assert_array_equal(after[..., 0], after[..., 1])
    np.testing.assert_array_equal(after[..., 0], after[..., 2])


@BOTH
def test_each_channel_keeps_its_own_pixels(interpolation):
    pixels = images(4, 12, 10, 3)
    after = changed(pixels, interpolation=interpolation, **ALL)
    for channel in range(3):
        alone = changed(pixels[..., channel : channel + 1], interpolation=interpolation, **ALL)
        np.testing.assert_array_equal(after[..., channel], alone[..., 0])


@BOTH
def test_the_same_seed_changes_the_same_way(interpolation):
    pixels = images()
    first, second, other = (changed(pixels, rng, interpolation, **ALL) for rng in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@BOTH
def test_the_images_that_come_in_stay_as_they_were(interpolation):
    pixels = images()
    before = pixels.copy()
    changed(pixels, interpolation=interpolation, **ALL)
    np.testing.assert_array_equal(pixels, before)


@BOTH
@pytest.mark.parametrize("limits", [{}, ALL], ids=["none", "all"])
def test_single_precision_and_the_shape_stay(interpolation, limits):
    after = changed(images(3, 12, 7, 2), interpolation=interpolation, **limits)
    assert after.dtype == np.float32
    assert after.shape == (3, 12, 7, 2)
