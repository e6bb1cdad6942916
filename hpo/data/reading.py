"""One reader for each format of a data file: path in, table of numbers out.

Whatever is wrong with a file is a `ValueError` (or the system's `OSError`) that names row and
column, counted from 1 as a person counts them in the file; nothing is ever unpickled.
"""

import csv
import gzip
import io
import itertools
import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST_COUNTED = 8  # columns: fewer numbers that count up may be a row

REMEDY = "write numbers, and labels as whole numbers of 0 or more"


@dataclass(frozen=True, kw_only=True)
class Table:
    """The numbers of one file, not yet split into features and label.

    `values` is (n, columns), in the type that the file holds. `names` are the header's, `labels`
    (n,) are set where the file keeps them apart, `shape` is (height, width, channels) where it
    holds images. `first_row` is the row of the file, counted from 1, that `values[0]` came from.
    """

    values: NDArray[Any]
    names: tuple[str, ...] | None = None
    labels: NDArray[Any] | None = None
    shape: tuple[int, int, int] | None = None
    first_row: int = 1


# ---- NumPy's formats


def read_npy(path: Path) -> Table:
    """Read a .npy file: rows (n, columns), or images (n, height, width[, channels]) without labels.

    Raises ValueError where the array is no table of numbers, or the file is cut short.
    """
    with path.open("rb") as file:
        return _table(_array(file))


def read_npz(path: Path) -> Table:
    """Read a .npz file: arrays `X` (n, ...) and `y` (n,), or one array as in a .npy file.

    Raises ValueError where other arrays are found (it lists them), or the file is cut short.
    """
    with _whole_file(), zipfile.ZipFile(path) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist()}
        if len(members) != 1 and set(members) != {"X", "y"}:
            found = ", ".join(sorted(members)) or "none"
            raise ValueError(f"needs the arrays X and y, or one array only; found: {found}")
        arrays = {name: _member(archive, member) for name, member in members.items()}
    if len(arrays) == 1:
        return _table(*arrays.values())
    table = _table(arrays["X"])
    labels = _label_array(arrays["y"], len(table.values))
    return Table(values=table.values, labels=labels, shape=table.shape)


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as file:
        return _array(file, f"{name.removesuffix('.npy')} ")


def _array(file: Any, name: str = "") -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as problem:
        if "Object arrays" in str(problem):
            raise ValueError(
                f"{name}holds Python objects, which are never loaded: "
                "save it as an array of numbers"
            ) from None
        told = f"{name}is not a NumPy array, or it was cut short: {_one_line(problem)}"
        raise ValueError(told) from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}{_no_numbers(array.dtype, array.ravel())}")
    return array


def _table(array: NDArray[Any]) -> Table:
    if array.ndim == 2:
        return Table(values=array)
    if array.ndim in {3, 4}:
        height, width, channels = (*array.shape[1:], 1)[:3]
        values = array.reshape(len(array), math.prod(array.shape[1:]))
        return Table(values=values, shape=(height, width, channels))
    raise ValueError(
        f"holds an array of shape {array.shape}: "
        "rows (n, columns) or images (n, height, width[, channels]) are needed"
    )


def _label_array(y: NDArray[Any], rows: int) -> NDArray[Any]:
    if y.shape not in {(rows,), (rows, 1)}:
        raise ValueError(f"y has the shape {y.shape}, but X has {rows} rows: one label a row")
    return y.reshape(rows)


# ---- text


def read_csv(path: Path) -> Table:
    """Read a .csv or .csv.gz file; a first row with a cell that is no number is its header.

    Raises ValueError where a row has another number of columns, or a cell is no number.
    """
    with _whole_file(), _open_text(path) as file:
        first = _cells(file.readline(), ",")
    _require_commas(first)
    _refuse_column_numbers(first)
    if not _is_header(first):
        return Table(values=_numbers(path, ",", 0))
    _require_names(first)
    values = _numbers(path, ",", 1)
    if values.shape[1] != len(first):
        raise ValueError(f"row 2 has {values.shape[1]} columns, row 1 (the header) {len(first)}")
    return Table(values=values, names=tuple(name.strip() for name in first), first_row=2)


def _require_commas(cells: list[str]) -> None:
    found = next((mark for mark in ";\t|" if mark in cells[0]), None) if len(cells) == 1 else None
    if found:
        raise ValueError(f"row 1 is a single cell with {found!r} in it: separate cells with commas")


def _refuse_column_numbers(cells: list[str]) -> None:
    # What writes a table without names numbers its columns; they would be learned from as a row.
    if len(cells) >= FEWEST_COUNTED and cells == [str(number) for number in range(len(cells))]:
        raise ValueError(
            "row 1 counts the columns from 0: leave it out (in pandas, header=False), or write "
            "names in their place"
        )


def _require_names(header: list[str]) -> None:
    # What writes row numbers beside the data gives them no name; they would be learned from.
    for column, name in enumerate(header, 1):
        if not name.strip():
            raise ValueError(
                f"row 1, column {column}: the header has no name here: leave row numbers out "
                "(in pandas, index=False), or name the column"
            )


def read_amat(path: Path) -> Table:
    """Read a .amat file: numbers between white space, no header, as mnist-back-rand is published.

    Raises ValueError where a row has another number of columns, or a cell is no number.
    """
    return Table(values=_numbers(path, None, 0))


def _open_text(path: Path) -> io.TextIOBase:
    # utf-8-sig: spreadsheets put a byte order mark before the first cell.
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _numbers(path: Path, delimiter: str | None, skip: int) -> NDArray[np.float64]:
    with _whole_file(), _open_text(path) as file:
        rows = _rows(file, skip)
        first = next(rows, None)
        if first is None:
            raise ValueError("holds no rows")
        lines = itertools.chain([first], rows)
        try:
            return np.loadtxt(lines, delimiter=delimiter, comments=None, quotechar='"', ndmin=2)
        except ValueError as problem:
            message = _one_line(problem)
    # loadtxt is fast but names neither row nor column as the file has them: look again, slowly.
    with _whole_file(), _open_text(path) as file:
        raise ValueError(_first_fault(file, delimiter, skip) or message)


def _rows(file: Iterable[str], skip: int) -> Iterator[str]:
    blank = 0
    for number, line in enumerate(itertools.islice(file, skip, None), skip + 1):
        if line.isspace():
            blank = blank or number
        elif blank:
            raise ValueError(f"row {blank} is blank: only the end of a file may be")
        else:
            yield line


def _first_fault(file: Iterable[str], delimiter: str | None, skip: int) -> str | None:
    width = None
    for row, line in enumerate(file, 1):
        cells = _cells(line, delimiter)
        width = width or len(cells)
        if cells and len(cells) != width:
            return f"row {row} has {len(cells)} columns, row 1 has {width}"
        fault = _cell_fault(cells) if row > skip else None
        if fault:
            return f"row {row}, {fault}"
    return None


def _cell_fault(cells: list[str]) -> str | None:
    for column, cell in enumerate(cells, 1):
        if not cell.strip():
            return f"column {column}: the cell is empty"
        if not _is_number(cell):
            return f"column {column}: {cell[:30]!r} is not a number: {REMEDY}"
    return None


def _cells(line: str, delimiter: str | None) -> list[str]:
    return line.split() if delimiter is None else next(csv.reader([line], delimiter=delimiter))


def _is_header(cells: list[str]) -> bool:
    # An empty cell decides nothing: a first row that lacks a value must not vanish as a header.
    return any(cell.strip() and not _is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python's own spelling: 1_000


# ---- Parquet


def read_parquet(path: Path) -> Table:
    """Read a .parquet file of numeric columns; a missing value becomes NaN.

    Raises ValueError where a column is not numeric, or the file is cut short.
    """
    import pyarrow as pa  # noqa: PLC0415 - a fifth of a second, and only this format needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with path.open("rb") as file, pq.ParquetFile(file) as parquet:
            content = parquet.read()
    except pa.ArrowException as problem:
        raise ValueError(f"is not a Parquet file, or it is damaged: {_one_line(problem)}") from None
    # pandas stores its row numbers as a column; they are no data.
    pairs = zip(content.column_names, content.columns, strict=True)
    columns = [pair for pair in pairs if not pair[0].startswith("__index_level_")]
    if not columns:
        raise ValueError("holds no columns")
    values = np.column_stack([_parquet_column(name, column) for name, column in columns])
    return Table(values=values, names=tuple(name for name, _ in columns))


def _parquet_column(name: str, column: Any) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy()
    if values.dtype.kind not in "biuf":
        raise ValueError(f"column {name!r} {_no_numbers(column.type, values)}")
    return values


# ---- features and label


def label_column(table: Table, label: str | None) -> int | None:
    """Return the index from 0 of the column that holds the label; None where no column does.

    `label` is "last", "first", a column's name, or None for an unlabelled file. Raises ValueError
    where there is no such column.
    """
    if label is None or table.labels is not None:
        return None
    if table.shape:
        raise ValueError(
            "holds images without labels: for a study, save X and y as .npz; "
            "for `hpo data check`, set label to none"
        )
    if label in {"first", "last"}:
        return 0 if label == "first" else table.values.shape[1] - 1
    if table.names is None:
        raise ValueError(f"has no header to find the label column {label!r} in: use last or first")
    if table.names.count(label) != 1:
        raise ValueError(
            f"has {table.names.count(label)} columns named {label!r}, one is needed; "
            f"its columns: {_some(table.names)}"
        )
    return table.names.index(label)


def split_label(
    table: Table, label: str | None
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    """Split a table into X (n, features), C order, and y (n,); y is None where `label` is None.

    `label` is "last", "first" or a column's name; labels that the file keeps apart come first.
    Raises ValueError, with the row, where a label is no whole number of 0 or more.
    """
    if label is None:
        return _features(table.values, None), None
    column = label_column(table, label)
    labels = table.labels if column is None else table.values[:, column]
    return _features(table.values, column), _whole_numbers(labels, table.first_row)


def _features(values: NDArray[Any], without: int | None) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is refused
        if without is None:
            return np.ascontiguousarray(values, dtype=np.float32)
        X = np.empty((len(values), values.shape[1] - 1), dtype=np.float32)
        X[:, :without] = values[:, :without]
        X[:, without:] = values[:, without + 1 :]
    return X


def _whole_numbers(labels: Any, first_row: int) -> NDArray[np.int64]:
    numbers = labels.astype(np.float64)
    # Beyond 2**53 a float no longer holds every whole number. NaN compares false, so it is refused.
    good = (numbers >= 0) & (numbers <= 2**53) & (numbers == np.floor(numbers))
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"row {row + first_row}: the label {labels[row]} is not a whole number of 0 or more; "
            "if this is no label, correct the label setting (last, first or a column's name; "
            "for `hpo data check`, also none)"
        )
    y: NDArray[np.int64] = numbers.astype(np.int64)
    return y


# ---- messages


@contextmanager
def _whole_file() -> Iterator[None]:
    """Turn what a damaged file raises while it is being read into a ValueError of one line."""
    try:
        yield
    except UnicodeDecodeError:
        raise ValueError("is not a text file (UTF-8)") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, csv.Error) as problem:
        raise ValueError(f"is damaged or was cut short: {_one_line(problem)}") from None


def _no_numbers(kind: object, values: NDArray[Any]) -> str:
    first = f", the first is {str(values[0])[:30]!r}" if len(values) else ""
    return f"holds values of type {kind}, not numbers{first}: {REMEDY}"


def _one_line(problem: BaseException) -> str:
    return " ".join(str(problem).split())


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names if len(names) <= 6 else (*names[:3], "...", *names[-2:]))
