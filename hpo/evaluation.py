"""A trial's evaluation on the rows held out: confusion counts, and some of its mistakes.

A worker saves it as one small file of the trial; the dashboard draws it on demand.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from hpo.training.images import to_images
from hpo.training.task import Task

FILE = "evaluation.json"  # its name among a trial's files
MOST_BYTES = 2_000_000  # of such a file; larger ones are not read
MOST_ROWS = 2**53  # of a count: larger ones are no rows of a fold
MOST_MISTAKES = 24  # kept, evenly spread over the rows
MOST_PIXELS = 1_200_000  # of all mistakes: in base64 they leave a fifth of the file to the counts

CONFIG = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A model's predictions for the rows that a fold holds out."""

    fold: int  # from 0
    rows: NDArray[np.int64]  # indices (n,)
    predicted: Labels  # (n,)


class Mistake(BaseModel):
    """A misclassified row."""

    model_config = CONFIG

    row: int  # from 0
    label: int
    predicted: int
    pixels: bytes | None = None  # a byte each; None if rows are not images, or too large


class Evaluation(BaseModel):
    """The content of a trial's evaluation file."""

    model_config = CONFIG

    classes: tuple[int, ...]
    shape: tuple[int, ...]  # (height, width, channels) of an image, or (features,)
    folds: dict[int, tuple[tuple[int, int, int], ...]]  # fold from 0: (label, predicted, count)
    mistakes: tuple[Mistake, ...]  # of the last fold

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        """Refuse what can't be drawn: anybody may have written the file."""
        cells = [cell for fold in self.folds.values() for cell in fold]
        if not {label for *pair, _ in cells for label in pair} <= set(self.classes):
            raise ValueError("a label is none of the classes")
        if not all(0 <= rows <= MOST_ROWS for *_, rows in cells):
            raise ValueError("a count is out of range")
        images = [one.pixels for one in self.mistakes if one.pixels is not None]
        if images and (len(images) < len(self.mistakes) or len(self.shape) != 3):
            raise ValueError("only some mistakes have images, or their shape is none of an image")
        if any(len(pixels) != math.prod(self.shape) for pixels in images):
            raise ValueError("an image has another shape")
        return self

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Parse the content of a file.

        Raises:
            ValueError: it is not an evaluation.
        """
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        return cls.model_validate_json(content)

    def write(self) -> bytes:
        """Return the content of the file."""
        return self.model_dump_json().encode()

    def after(self, earlier: Self) -> Self:
        """Return this evaluation with the folds of an earlier one added."""
        return self.model_copy(update={"folds": {**earlier.folds, **self.folds}})


def evaluate(task: Task, X: NDArray[np.float32], y: Labels, scored: Iterable[Scored]) -> Evaluation:
    """Evaluate predictions for rows of X (n, features) with labels y (n,)."""
    by_fold = sorted(scored, key=lambda one: one.fold)
    return Evaluation(
        classes=task.classes,
        shape=task.shape,
        folds={one.fold: _counts(y[one.rows], one.predicted) for one in by_fold},
        mistakes=_mistakes(task, X, y, by_fold[-1]),
    )


def _counts(y: Labels, predicted: Labels) -> tuple[tuple[int, int, int], ...]:
    found = Counter(zip(y.tolist(), predicted.tolist(), strict=True))
    return tuple((*pair, rows) for pair, rows in sorted(found.items()))


def _mistakes(task: Task, X: NDArray[np.float32], y: Labels, scored: Scored) -> tuple[Mistake, ...]:
    (wrong,) = np.nonzero(y[scored.rows] != scored.predicted)
    fit = MOST_PIXELS // math.prod(task.shape) if len(task.shape) > 1 else 0
    count = min(fit or MOST_MISTAKES, MOST_MISTAKES, len(wrong))
    shown = wrong[np.linspace(0, len(wrong) - 1, count).round().astype(int)]
    rows, predicted = scored.rows[shown], scored.predicted[shown]
    return tuple(
        Mistake(row=row, label=label, predicted=said, pixels=pixels)
        for row, label, said, pixels in zip(
            rows.tolist(),
            y[rows].tolist(),
            predicted.tolist(),
            _pixels(task, X[rows]) if fit else [None] * count,
            strict=True,
        )
    )


def _pixels(task: Task, X: NDArray[np.float32]) -> list[bytes]:
    """Convert images to a byte for each pixel, all on one scale."""
    if not len(X):
        return []
    low, high = X.min(), X.max()
    scaled = (to_images(X, task) - low) / ((high - low) or 1) * 255
    return [image.tobytes() for image in scaled.round().astype(np.uint8)]
