"""Images turned, moved and zoomed at random."""

import numpy as np
from numpy.typing import NDArray


def augment(
    images: NDArray[np.float32],
    rng: np.random.Generator,
    rotation: float,
    shift: float,
    zoom: float,
    interpolation: str,
) -> NDArray[np.float32]:
    """Change images (n, height, width, channels) each in its own way, within the limits.

    Rotation is in degrees, shift a share of the size, zoom a share by which an image grows or
    shrinks. What comes in from outside mirrors the inside.
    """
    rows, columns = _places(images.shape, rng, rotation, shift, zoom)
    if interpolation == "nearest":
        return _at(images, np.rint(rows), np.rint(columns))
    top, left = np.floor(rows), np.floor(columns)
    below, beside = (rows - top)[..., None], (columns - left)[..., None]
    upper = (1 - beside) * _at(images, top, left) + beside * _at(images, top, left + 1)
    lower = (1 - beside) * _at(images, top + 1, left) + beside * _at(images, top + 1, left + 1)
    mixed: NDArray[np.float32] = (1 - below) * upper + below * lower
    return mixed


def _places(
    shape: tuple[int, ...], rng: np.random.Generator, rotation: float, shift: float, zoom: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give the row and the column (n, height, width) from which each pixel takes its value."""
    count, height, width = shape[:3]

    def draw(limit: float) -> NDArray[np.float32]:
        return rng.uniform(-limit, limit, (count, 1, 1)).astype(np.float32)

    angle, scale = np.deg2rad(draw(rotation)), 1 / (1 + draw(zoom))
    down, right = draw(shift) * height, draw(shift) * width
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    x = np.arange(width, dtype=np.float32) - (width - 1) / 2
    sine, cosine = scale * np.sin(angle), scale * np.cos(angle)
    rows = cosine * y - sine * x + down + np.float32((height - 1) / 2)
    columns = sine * y + cosine * x + right + np.float32((width - 1) / 2)
    return rows, columns


def _at(
    images: NDArray[np.float32], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Take the pixels at whole rows and columns (n, height, width)."""
    count, height, width, channels = images.shape
    places = _mirrored(rows, height) * width + _mirrored(columns, width)
    pixels = images.reshape(count, height * width, channels)
    taken = np.take_along_axis(pixels, places.reshape(count, -1, 1), axis=1)
    return taken.reshape(images.shape)


def _mirrored(index: NDArray[np.float32], size: int) -> NDArray[np.int32]:
    inside = np.abs(index.astype(np.int32))
    return np.clip(np.where(inside < size, inside, 2 * (size - 1) - inside), 0, size - 1)
