"""Random rotation, shift and zoom of images."""

import numpy as np
from numpy.typing import NDArray

from hpo.training.params.cnn import Params

Array = NDArray[np.float32]


def augment(params: Params, images: Array, rng: np.random.Generator) -> Array:
    """Rotate, shift and zoom each image of a batch (n, height, width, channels) at random."""
    count, height, width, _ = images.shape
    draws = rng.uniform(-1, 1, (4, count, 1, 1)).astype(np.float32)
    angle, scale = np.deg2rad(params.rotation * draws[0]), 1 / (1 + params.zoom * draws[1])
    down, right = params.shift * height * draws[2], params.shift * width * draws[3]
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    x = np.arange(width, dtype=np.float32) - (width - 1) / 2
    sine, cosine = scale * np.sin(angle), scale * np.cos(angle)
    rows = cosine * y - sine * x + down + (height - 1) / 2
    columns = sine * y + cosine * x + right + (width - 1) / 2
    return INTERPOLATIONS[params.interpolation](images, rows, columns)


def nearest(images: Array, rows: Array, columns: Array) -> Array:
    """Take the pixel nearest to each place (n, height, width), mirroring images at their edges."""
    count, height, width, channels = images.shape
    down, right = np.abs(np.rint(rows)), np.abs(np.rint(columns))
    down = np.clip(np.minimum(down, 2 * (height - 1) - down), 0, height - 1)
    right = np.clip(np.minimum(right, 2 * (width - 1) - right), 0, width - 1)
    places = (down * width + right).astype(np.int32).reshape(count, -1, 1)
    return np.take_along_axis(images.reshape(count, -1, channels), places, 1).reshape(images.shape)


def bilinear(images: Array, rows: Array, columns: Array) -> Array:
    """Interpolate between the four pixels around each place (n, height, width)."""
    top, left = np.floor(rows), np.floor(columns)
    below, beside = (rows - top)[..., None], (columns - left)[..., None]
    mixed: Array = (1 - below) * (
        (1 - beside) * nearest(images, top, left) + beside * nearest(images, top, left + 1)
    ) + below * (
        (1 - beside) * nearest(images, top + 1, left) + beside * nearest(images, top + 1, left + 1)
    )
    return mixed


INTERPOLATIONS = {"nearest": nearest, "bilinear": bilinear}
