"""The batches of each epoch."""

from collections.abc import Iterator
from itertools import count

import numpy as np

from hpo.training.augmentation import Array, augment
from hpo.training.params.cnn import Params


def batches(
    params: Params, images: Array, labels: Array, seed: int
) -> Iterator[tuple[Array, Array]]:
    """Give batch after batch, epoch after epoch, without end.

    An epoch's order and changes follow from the seed and its number alone.
    """
    for epoch in count():
        rng = np.random.default_rng((seed, epoch))
        order = rng.permutation(len(images))
        for start in range(0, len(order), params.batch_size):
            rows = order[start : start + params.batch_size]
            batch = augment(params, images[rows], rng) if params.augmentation else images[rows]
            yield batch, labels[rows]
