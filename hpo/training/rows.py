"""A reader for each file format, for files that were checked before, and the rows' fingerprint."""

import gzip
import hashlib
import io
import itertools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_npy(path: Path) -> NDArray[Any]:
    """Read a .npy file as a table (n, columns)."""
    return np.reshape(rows := np.load(path), (len(rows), -1))


def read_npz(path: Path) -> NDArray[Any]:
    """Read a .npz file as a table (n, columns): X and, where it is there, y as the last column."""
    try:
        with np.load(path) as arrays:
            columns = [arrays[name] for name in ("X", "y") if name in arrays] or [*arrays.values()]
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
    parts = [np.reshape(rows, (len(rows), -1)) for rows in columns]
    return np.column_stack([*parts[:1], *map(_narrowed, parts[1:])])


def _narrowed(labels: NDArray[Any]) -> NDArray[Any]:
    """Cast labels to the smallest integer type that holds them: tables of bytes stay small."""
    whole = labels.astype(np.int64)
    if not np.array_equal(whole, labels):
        return labels  # no whole numbers: the caller will refuse them
    least, most = (np.min_scalar_type(int(end)) for end in (whole.min(), whole.max()))
    return whole.astype(np.promote_types(least, most))


def read_csv(path: Path) -> NDArray[Any]:
    """Read a .csv or .csv.gz file, with a header or without, as a table (n, columns)."""
    with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig")
        rows = (line for line in text if not line.isspace())
        first = next(rows, "")
        first = next(rows, "") if _is_header(first) else first
        if not first:
            raise ValueError("holds no rows")
        lines = itertools.chain([first], rows)
        return np.loadtxt(lines, delimiter=",", comments=None, quotechar='"', ndmin=2)


def _is_header(line: str) -> bool:
    try:
        for cell in line.split(","):
            float(cell.strip('" \n') or 0)
    except ValueError:
        return True
    return "_" in line  # Python would accept 1_000 as a number


def read_amat(path: Path) -> NDArray[Any]:
    """Read numbers between white space as a table (n, columns)."""
    return np.loadtxt(path, comments=None, quotechar='"', encoding="utf-8-sig", ndmin=2)


def read_parquet(path: Path) -> NDArray[Any]:
    """Read a .parquet file of numeric columns as a table (n, columns)."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read()
    pairs = zip(table.column_names, table.columns, strict=True)  # two may have the same name
    # pandas stores its index as a column, which is not data.
    columns = [column for name, column in pairs if not name.startswith("__index_level_")]
    return np.column_stack([column.to_numpy() for column in columns])


def fingerprint(X: NDArray[np.float32], y: NDArray[np.int64]) -> str:
    """Return the SHA-256 of rows and labels in hexadecimal, the same for every file format."""
    digest = hashlib.sha256(f"X {X.shape} y {y.shape}\n".encode())
    digest.update(np.ascontiguousarray(X, dtype="<f4").data)
    digest.update(np.ascontiguousarray(y, dtype="<i8").data)
    return digest.hexdigest()
