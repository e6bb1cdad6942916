"""Rows of pixels to images and back: a leaf, which imports NumPy only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_images(
    X: NDArray[Any], shape: tuple[int, int, int], transposed: bool = False
) -> NDArray[Any]:
    """Turn rows (n, height * width * channels) into upright images (n, height, width, channels).

    `transposed` says that the rows hold their pixels column by column. Raises ValueError where the
    rows do not have that many pixels.
    """
    height, width, channels = shape
    if not transposed:
        return X.reshape(len(X), height, width, channels)
    return np.ascontiguousarray(X.reshape(len(X), width, height, channels).swapaxes(1, 2))


def to_rows(images: NDArray[Any], transposed: bool = False) -> NDArray[Any]:
    """Turn images (n, height, width, ...) into rows (n, pixels), the inverse of `to_images`.

    `transposed` stores them column by column.
    """
    stored = images.swapaxes(1, 2) if transposed else images
    return np.ascontiguousarray(stored).reshape(len(images), -1)
