from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from hpo.training.batches import batches
from hpo.training.params.cnn import Params

ROWS = 10
IMAGES = np.arange(ROWS * 4, dtype=np.float32).reshape(ROWS, 2, 2, 1)
LABELS = np.eye(ROWS, dtype=np.float32)


AUGMENTED = Params(
    blocks=1, epochs=1, batch_size=4, augmentation=True, shift=0.6, interpolation="bilinear"
)
PLAIN = replace(AUGMENTED, augmentation=False)


def epochs(count, params=PLAIN, seed=0):
    """The batches of the first epochs, a list for each."""
    stream = batches(params, IMAGES, LABELS, seed)
    steps = -(-ROWS // params.batch_size)
    return [list(islice(stream, steps)) for _ in range(count)]


def order(epoch):
    """The rows of an epoch in the order in which they came, told by their labels."""
    return np.concatenate([labels.argmax(axis=1) for _, labels in epoch]).tolist()


@pytest.mark.parametrize("batch_size", [1, 3, 4, 5, 10, 64])
def test_each_epoch_holds_every_row_once(batch_size):
    for epoch in epochs(3, replace(PLAIN, batch_size=batch_size)):
        assert sorted(order(epoch)) == list(range(ROWS))


def test_the_last_batch_of_an_epoch_holds_what_is_left():
    for epoch in epochs(3):
        assert [len(labels) for _, labels in epoch] == [4, 4, 2]


def test_an_image_keeps_its_label():
    for images, labels in epochs(1)[0]:
        np.testing.assert_array_equal(images, IMAGES[labels.argmax(axis=1)])


def test_each_epoch_has_another_order():
    orders = [order(epoch) for epoch in epochs(4)]
    assert len({tuple(one) for one in orders}) == 4
    assert list(range(ROWS)) not in orders


def test_the_same_seed_gives_the_same_order():
    assert list(map(order, epochs(3, seed=5))) == list(map(order, epochs(3, seed=5)))


def test_another_seed_gives_another_order():
    assert order(epochs(1, seed=5)[0]) != order(epochs(1, seed=6)[0])


def test_an_epoch_depends_on_its_number_and_the_seed_alone():
    """However large the batches are, and whatever else was drawn in the epochs before."""
    ways = (PLAIN, replace(PLAIN, batch_size=3), AUGMENTED)
    first, *others = (order(epochs(3, way)[2]) for way in ways)
    assert others == [first, first]


def changes(epoch):
    """What was added to each image of an epoch."""
    return [image - IMAGES[row] for image, row in zip(pixels(epoch), order(epoch), strict=True)]


def pixels(epoch):
    return np.concatenate([images for images, _ in epoch])


def test_images_stay_as_they_are_without_augmentation():
    for epoch in epochs(2):
        assert not np.any(changes(epoch))


def test_every_image_is_changed_in_its_own_way_in_each_epoch():
    first, second = (changes(epoch) for epoch in epochs(2, AUGMENTED))
    assert len({change.tobytes() for change in first + second}) == 2 * ROWS


def test_changes_are_the_same_for_the_same_seed_and_leave_the_rows_as_they_were():
    before = IMAGES.copy()
    for first, second in zip(epochs(2, AUGMENTED), epochs(2, AUGMENTED), strict=True):
        np.testing.assert_array_equal(pixels(first), pixels(second))
    np.testing.assert_array_equal(IMAGES, before)


def test_another_seed_changes_otherwise():
    first, second = (pixels(epochs(1, AUGMENTED, seed)[0]) for seed in (1, 2))
    assert not np.array_equal(first, second)
