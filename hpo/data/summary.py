"""A summary of a dataset, which `hpo data check` shows."""

import math
from dataclasses import dataclass

import numpy as np

from hpo.data.dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The figures of a dataset.

    `shape` is (height, width, channels); if `guessed`, it follows from the number of features, and
    is None if that is not the size of a square image. `rows_per_class` maps each label to its
    number of rows, and is empty for unlabelled rows. `balance` is the size of the smallest class
    over that of the largest, None for unlabelled rows.
    """

    source: str
    rows: int
    features: int
    shape: tuple[int, int, int] | None
    guessed: bool
    value_range: tuple[float, float]
    rows_per_class: dict[int, int]
    balance: float | None
    fingerprint: str


def describe(dataset: Dataset) -> Summary:
    """Summarise a dataset of at least one row."""
    X = dataset.X
    rows_per_class = _rows_per_class(dataset)
    counts = rows_per_class.values()
    return Summary(
        source=dataset.source,
        rows=len(X),
        features=X.shape[1],
        shape=dataset.shape or guess_shape(X.shape[1]),
        guessed=dataset.shape is None,
        value_range=(float(X.min()), float(X.max())),
        rows_per_class=rows_per_class,
        balance=min(counts) / max(counts) if counts else None,
        fingerprint=dataset.fingerprint,
    )


def guess_shape(features: int) -> tuple[int, int, int] | None:
    """Return the shape of a square image with so many values, of 1 or 3 channels; None if none.

    It is unique: a square is never three times another square.
    """
    for channels in (1, 3):
        side = math.isqrt(features // channels)
        if side * side * channels == features:
            return (side, side, channels)
    return None


def _rows_per_class(dataset: Dataset) -> dict[int, int]:
    if dataset.y is None:
        return {}
    classes, counts = np.unique(dataset.y, return_counts=True)
    return dict(zip(classes.tolist(), counts.tolist(), strict=True))
