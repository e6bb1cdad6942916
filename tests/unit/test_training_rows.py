"""The readers that ship see the same rows as the ones that check."""

import ast
import gzip
import sys
import tracemalloc
from pathlib import Path
from string import Template

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hpo.export
from hpo.data import load_dataset
from hpo.export.own import OWN, features_of
from hpo.export.script import READERS
from hpo.training import rows

OWN_PART = Path(hpo.export.__file__).with_name(OWN)


def load_of_a_script(path, features, label):
    """Read a file as a script does that was written for files like it."""
    parts = {"reader": READERS[path.suffix.lower()], "features": features, "label": label}
    parts |= {"columns": features + 1, "kinds": (path.suffix.lower(),)}
    parts |= {"pixels": features_of(label, features), "range": ""}
    text = Template(OWN_PART.read_text()).safe_substitute(parts)
    scope = {**vars(rows), "sys": sys, "NDArray": np.ndarray}
    tree = ast.parse(text.partition("def score")[0])
    tree.body[0].returns = None
    exec(compile(tree, "own part", "exec"), scope)
    return scope["load"](path)


RNG = np.random.default_rng(0)
X = RNG.random((9, 5)).astype(np.float32)
Y = np.array([0, 3, 12, 0, 3, 12, 0, 3, 12])
LAST = np.column_stack([X, Y])
FIRST = np.column_stack([Y, X])


def text(table, delimiter=",", header=""):
    lines = [delimiter.join(map(repr, row)) for row in table.tolist()]
    return "".join(f"{line}\n" for line in [*([header] if header else []), *lines]).encode()


def bytes_of(content):
    return lambda path: path.write_bytes(content)


def parquet(**columns):
    return lambda path: pq.write_table(pa.table(columns), path)


NAMES = ["a", "b", "c", "d", "e"]
TWICE = pa.Table.from_arrays([*map(pa.array, [*X.T, Y])], names=["a", "a", "b", "b", "c", "y"])
BOM = b"\xef\xbb\xbf"
FILES = [
    ("a.npy", lambda path: np.save(path, LAST), "last"),
    ("first.npy", lambda path: np.save(path, FIRST), "first"),
    ("fortran.npy", lambda path: np.save(path, np.asfortranarray(LAST)), "last"),
    ("big-endian.npy", lambda path: np.save(path, LAST.astype(">f8")), "last"),
    ("xy.npz", lambda path: np.savez(path, X=X, y=Y), "last"),
    ("yx.npz", lambda path: np.savez(path, y=Y, X=X), "first"),
    ("small-y.npz", lambda path: np.savez(path, X=X, y=Y.astype(np.uint8)[:, None]), "last"),
    (
        "images.npz",
        lambda path: np.savez_compressed(path, X=X[:, :4].reshape(9, 2, 2), y=Y),
        "last",
    ),
    ("bytes.npz", lambda path: np.savez(path, X=(X * 255).astype(np.uint8), y=Y), "last"),
    ("single.npz", lambda path: np.savez(path, table=LAST), "last"),
    ("a.csv", bytes_of(text(LAST)), "last"),
    ("first.csv", bytes_of(text(FIRST)), "first"),
    ("A.CSV", bytes_of(text(LAST)), "last"),
    ("header.csv", bytes_of(text(LAST, header="a,b,c,d,e,digit")), "digit"),
    ("middle.csv", bytes_of(text(np.insert(X, 2, Y, axis=1), header="a,b,y,c,d,e")), "y"),
    ("quoted.csv", bytes_of(text(LAST, header='"a,1","b",c,d,e,"1"')), "last"),
    ("hash.csv", bytes_of(text(LAST, header="#a,b,c,d,e,y")), "y"),
    ("numbers.csv", bytes_of(text(LAST, header="1_0,1_1,1_2,1_3,1_4,1_5")), "last"),
    (
        "spreadsheet.csv",
        bytes_of(BOM + text(LAST, header="a,b,c,d,e,y").replace(b"\n", b"\r\n")),
        "y",
    ),
    ("bom.csv", bytes_of(BOM + text(LAST)), "last"),
    ("blank-end.csv", bytes_of(text(LAST) + b"\n  \n"), "last"),
    ("a.csv.gz", bytes_of(gzip.compress(text(LAST))), "last"),
    ("header.csv.gz", bytes_of(gzip.compress(BOM + text(LAST, header="a,b,c,d,e,y"))), "y"),
    ("A.CSV.GZ", bytes_of(gzip.compress(text(LAST))), "last"),
    ("a.amat", bytes_of(text(LAST, "  ")), "last"),
    ("bom.amat", bytes_of(BOM + text(LAST, "  ")), "last"),
    ("twice.parquet", lambda path: pq.write_table(TWICE, path), "last"),
    ("a.parquet", parquet(**dict(zip(NAMES, X.T, strict=True)), y=Y), "last"),
    ("first.parquet", parquet(y=Y.astype(np.int8), **dict(zip(NAMES, X.T, strict=True))), "y"),
    (
        "pandas.parquet",
        parquet(**dict(zip(NAMES, X.T, strict=True)), y=Y, __index_level_0__=Y * 7),
        "last",
    ),
]


@pytest.mark.parametrize(("name", "write", "label"), FILES, ids=[name for name, *_ in FILES])
def test_a_script_reads_what_a_trial_read(tmp_path, name, write, label):
    path = tmp_path / name
    write(path)
    dataset = load_dataset(path, label=label)
    column = -1 if dataset.label_column is None else dataset.label_column
    features, labels = load_of_a_script(path, dataset.X.shape[1], column)
    np.testing.assert_array_equal(features, dataset.X)
    np.testing.assert_array_equal(labels, dataset.y)
    assert (features.dtype, labels.dtype) == (np.float32, np.int64)
    assert rows.fingerprint(features, labels) == dataset.fingerprint
    np.testing.assert_array_equal(labels, Y)


UNLABELLED = [
    ("a.npy", np.save),
    ("images.npy", lambda path, table: np.save(path, table.reshape(-1, 5, 1))),
    ("X.npz", lambda path, table: np.savez(path, X=table)),
    ("a.csv", lambda path, table: path.write_bytes(text(table))),
    ("header.csv", lambda path, table: path.write_bytes(text(table, header="a,b,c,d,e"))),
    ("a.amat", lambda path, table: path.write_bytes(text(table, " "))),
]


@pytest.mark.parametrize("count", [9, 1])
@pytest.mark.parametrize(("name", "write"), UNLABELLED, ids=[name for name, _ in UNLABELLED])
def test_rows_without_labels_are_read_as_such(tmp_path, name, write, count):
    path = tmp_path / name
    write(path, X[:count])
    features, labels = load_of_a_script(path, 5, -1)
    np.testing.assert_array_equal(features, X[:count])
    assert labels is None


@pytest.mark.parametrize("labels", [[255, 200, 3], [2**53, 0, 1], [70_000.0, 1.0, 2.0], [0, 1, 2]])
@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.float32, np.int64])
def test_labels_of_any_size_are_read_beside_rows_of_any_type(tmp_path, kind, labels):
    np.savez(tmp_path / "a.npz", X=np.eye(3, dtype=kind) * 255, y=labels)
    features, found = load_of_a_script(tmp_path / "a.npz", 3, -1)
    np.testing.assert_array_equal(features, np.eye(3) * 255)
    assert found.tolist() == labels


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.npz", lambda path, X, y: np.savez(path, X=X, y=y)),
        ("a.npy", lambda path, X, y: np.save(path, np.column_stack([X, y]).astype(np.uint8))),
    ],
)
def test_a_script_needs_little_more_memory_than_the_rows_take(tmp_path, name, write):
    write(tmp_path / name, np.ones((20_000, 100), np.uint8), np.arange(20_000) % 10)
    tracemalloc.start()
    features, _ = load_of_a_script(tmp_path / name, 100, -1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.7 * features.nbytes


@pytest.mark.parametrize("columns", [3, 6])
def test_a_table_of_another_width_is_refused(tmp_path, columns):
    np.save(tmp_path / "a.npy", np.zeros((2, columns)))
    with pytest.raises(SystemExit, match=rf"has \(2, {columns}\) rows and columns, not 4 and"):
        load_of_a_script(tmp_path / "a.npy", 4, -1)


@pytest.mark.parametrize("content", [b"", BOM, b"\n\n", b"a,b,c,d,e,y\n"], ids=repr)
def test_a_csv_without_rows_is_told_in_our_words(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SystemExit, match=r"a\.csv: holds no rows$"):
        load_of_a_script(tmp_path / "a.csv", 5, -1)


def test_every_format_of_the_data_has_a_reader_that_ships():
    for reader in READERS.values():
        assert callable(getattr(rows, reader))


@pytest.mark.parametrize(
    "other",
    [(X + 1, Y), (X, Y + 1), (X[:-1], Y[:-1]), (X[::-1], Y), (X.reshape(5, 9), Y)],
    ids=["rows", "labels", "fewer", "order", "shape"],
)
def test_other_rows_have_another_fingerprint(other):
    assert rows.fingerprint(*other) != rows.fingerprint(X, Y)


def test_the_fingerprint_does_not_depend_on_how_rows_lie_in_memory():
    assert rows.fingerprint(np.asfortranarray(X), Y) == rows.fingerprint(X, Y)
    assert rows.fingerprint(X.astype(">f4"), Y.astype(np.int32)) == rows.fingerprint(X, Y)
