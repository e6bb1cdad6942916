"""The batches of each epoch."""

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray

Change = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]
"""Turns images (n, height, width, channels) into others of their size."""


def batches(
    images: NDArray[np.float32],
    labels: NDArray[np.float32],
    batch_size: int,
    seed: int,
    change: Change | None = None,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Give batch after batch, epoch after epoch, without end.

    An epoch's order and changes follow from the seed and its number alone.
    """
    for epoch in count():
        rng = np.random.default_rng((seed, epoch))
        order = rng.permutation(len(images))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = images[rows]
            yield batch if change is None else change(batch, rng), labels[rows]
