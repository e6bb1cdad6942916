"""Reading and checking a file of labelled or unlabelled rows.

Whatever is wrong with a file is a `DataError` of one line, which names the file, the row, the
column and what to do. Rows and columns are counted from 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.data import reading
from hpo.data.reading import Table
from hpo.errors import DataError
from hpo.training.rows import fingerprint

READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": reading.read_csv,
    ".csv.gz": reading.read_csv,
    ".amat": reading.read_amat,
    ".npy": reading.read_npy,
    ".npz": reading.read_npz,
    ".parquet": reading.read_parquet,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Rows X (n, features) with labels y (n,), or None where they have none.

    `shape` is the images' (height, width, channels) where it is known; X stays flat and as stored
    (`hpo.training.images` turns it). `source` is the file's path, for messages. `label_column` is
    where the label stands in the file, from 0; None where no column holds it.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int64] | None
    shape: tuple[int, int, int] | None
    source: str
    label_column: int | None = None

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """The labels that occur, sorted; empty for unlabelled rows."""
        return np.unique(self.y) if self.y is not None else np.empty(0, dtype=np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of rows and labels in hexadecimal, the same for every file format."""
        return fingerprint(self.X, np.empty(0, dtype=np.int64) if self.y is None else self.y)


def load_dataset(
    path: str | Path,
    *,
    label: str | None = "last",
    shape: tuple[int, int, int] | None = None,
    transposed: bool = False,
    value_range: tuple[float, float] | None = None,
    folds: int | None = None,
) -> Dataset:
    """Read a file of rows by its suffix and check it; the suffixes are those of `READERS`.

    `label` is "last", "first", a column's name, or None for unlabelled rows. Where given, `shape`
    (height, width, channels) must be that of the rows, `value_range` must contain all values (both
    ends included), and there must be at least `folds` rows of each class. In a file of images that
    are `transposed`, stored column by column, the width comes before the height.

    Raises:
        DataError: the file can't be read, or does not pass a check.
    """
    path = Path(path)
    table = _read(path)
    found = _found_shape(table, transposed)
    try:
        _check_finite(table)
        column = reading.label_column(table, label)
        _check_width(table, column, shape)
        _check_shape(found, transposed, shape)
        X, y = reading.split_label(table, label)
        _check_range(X, value_range, table.first_row, column)
        _check_classes(y, folds)
    except ValueError as problem:
        raise DataError(str(path), str(problem)) from None
    return Dataset(X=X, y=y, shape=shape or found, source=str(path), label_column=column)


def _read(path: Path) -> Table:
    try:
        reader = _reader(path)
        table = reader(path)
    except OSError as problem:
        # Those of Parquet have no strerror, and several lines.
        message = problem.strerror or " ".join(str(problem).split())
        raise DataError(str(path), f"can't be read: {message}") from problem
    except ValueError as problem:
        raise DataError(str(path), str(problem)) from problem
    if not len(table.values):
        raise DataError(str(path), "holds no rows")
    return table


def _found_shape(table: Table, transposed: bool) -> tuple[int, int, int] | None:
    """Return the images' (height, width, channels) if the file's array has axes for them."""
    if table.shape is None or not transposed:
        return table.shape
    width, height, channels = table.shape
    return height, width, channels


def _reader(path: Path) -> Callable[[Path], Table]:
    size = path.stat().st_size
    if not path.is_file():
        raise ValueError("is a folder, not a file" if path.is_dir() else "is not a regular file")
    reader = next((READERS[end] for end in READERS if path.name.lower().endswith(end)), None)
    if reader is None:
        raise ValueError(f"unknown kind of file {path.suffix!r}: use one of {', '.join(READERS)}")
    if not size:
        raise ValueError("is empty")
    return reader


# ---- checks: each raises ValueError with what is wrong; `load_dataset` adds the file's name


def _check_finite(table: Table) -> None:
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(table.values.astype(np.float32, copy=False))
    if bad.any():
        row, column = divmod(int(np.argmax(bad)), bad.shape[1])
        raise ValueError(
            f"row {row + table.first_row}, column {column + 1}: {table.values[row, column]} is not "
            "a finite float32 number: correct it or leave the row out"
        )


def _check_width(
    table: Table, label_column: int | None, shape: tuple[int, int, int] | None
) -> None:
    features = table.values.shape[1] - (label_column is not None)
    if not features:
        raise ValueError("has no columns of features beside the label: check the label setting")
    if shape is not None and features != math.prod(shape):
        raise ValueError(_width_problem(features, label_column is not None, shape))


def _width_problem(features: int, labelled: bool, shape: tuple[int, int, int]) -> str:
    expected = math.prod(shape)
    pixels = "x".join(map(str, shape))
    beside = "a label and " if labelled else ""
    if labelled and features == expected - 1:
        hint = (
            "if it has no label column, add one for a study; "
            "for `hpo data check`, set label to none"
        )
    elif not labelled and features == expected + 1:
        hint = "if one of them is the label, set label to last, first or its name"
    else:
        hint = "check the shape and label settings"
    return f"expected {beside}{expected} pixels ({pixels}), found {beside}{features}: {hint}"


def _check_shape(
    found: tuple[int, int, int] | None, transposed: bool, shape: tuple[int, int, int] | None
) -> None:
    # Otherwise images with the same number of pixels would be scrambled unnoticed.
    if found is None or shape in {None, found}:
        return
    raise ValueError(
        f"with transposed = {str(transposed).lower()} it holds images of shape {found}, but the "
        f"shape is set to {shape}: correct the shape or transposed setting"
    )


def _check_range(
    X: NDArray[np.float32],
    value_range: tuple[float, float] | None,
    first_row: int,
    label_column: int | None,
) -> None:
    if value_range is None:
        return
    low, high = value_range
    bad = np.less(X, low) | np.greater(X, high)
    if bad.any():
        row, feature = divmod(int(np.argmax(bad)), bad.shape[1])
        column = feature + (label_column is not None and feature >= label_column)
        raise ValueError(
            f"row {row + first_row}, column {column + 1}: {X[row, feature]} is outside of the "
            f"range {low} to {high}: scale the values, or correct the range setting"
        )


def _check_classes(y: NDArray[np.int64] | None, folds: int | None) -> None:
    if y is None:
        return
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"all its rows are of class {classes[0]}: two classes are needed")
    fewest = int(np.argmin(counts))
    if folds is not None and counts[fewest] == 1:
        raise ValueError(
            f"class {classes[fewest]} has a single row, which can't be both learned from and "
            "judged by: add rows of that class, or leave it out"
        )
    if folds is not None and counts[fewest] < folds:
        raise ValueError(
            f"class {classes[fewest]} has {counts[fewest]} rows, fewer than the {folds} folds: "
            "add rows of that class, or use fewer folds"
        )
