"""The same rows in every format: equal X, y and fingerprint."""

import gzip
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hpo.data import load_dataset, reading

RNG = np.random.default_rng(0)
X = RNG.random((12, 6), dtype=np.float32)
Y = np.tile([3, 7, 11], 4)
ROWS = np.column_stack([X, Y.astype(np.float32)])
NAMES = [f"p{i}" for i in range(6)] + ["digit"]


def text(rows, delimiter=","):
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows)


def write_csv(path):
    path.write_text(text(ROWS))


def write_csv_header(path):
    path.write_text(",".join(NAMES) + "\n" + text(ROWS))


def write_csv_spreadsheet(path):
    quoted = ",".join(f'"{name}"' for name in NAMES) + "\n" + text(ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + quoted.replace("\n", "\r\n").encode() + b"\r\n")


def write_csv_byte_order_mark(path):
    path.write_bytes(b"\xef\xbb\xbf" + text(ROWS).encode())


def write_csv_gz(path):
    path.write_bytes(gzip.compress(text(ROWS).encode()))


def write_amat(path):
    path.write_text("".join(f"   {line} \n" for line in text(ROWS, "  ").splitlines()))


def write_npy(path):
    np.save(path, ROWS)


def write_npy_fortran(path):
    np.save(path, np.asfortranarray(ROWS.astype(np.float64)))


def write_npz(path):
    np.savez(path, X=X, y=Y)


def write_npz_column(path):
    np.savez_compressed(path, X=X.reshape(12, 2, 3), y=Y.astype(np.uint8).reshape(-1, 1))


def write_npz_single(path):
    np.savez(path, rows=ROWS)


def write_parquet(path):
    columns = [*X.T, Y.astype(np.int8)]
    pq.write_table(pa.table(dict(zip(NAMES, columns, strict=True))), path)


def write_parquet_pandas(path):
    columns = [*X.T, Y, np.arange(12) * 7]
    names = [*NAMES, "__index_level_0__"]
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), path)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_csv, "rows.csv"),
        (write_csv, "ROWS.CSV"),
        (write_csv_header, "rows.csv"),
        (write_csv_spreadsheet, "rows.csv"),
        (write_csv_byte_order_mark, "rows.csv"),
        (write_csv_gz, "rows.csv.gz"),
        (write_amat, "rows.amat"),
        (write_npy, "rows.npy"),
        (write_npy_fortran, "rows.npy"),
        (write_npz, "rows.npz"),
        (write_npz_column, "rows.npz"),
        (write_npz_single, "rows.npz"),
        (write_parquet, "rows.parquet"),
        (write_parquet_pandas, "rows.parquet"),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path, write, name):
    reference = tmp_path / "reference.npy"
    write_npy(reference)
    path = tmp_path / name
    write(path)

    data = load_dataset(path, label="last", shape=(2, 3, 1), value_range=(0, 1), folds=4)

    assert data.X.dtype == np.float32
    assert data.X.flags.c_contiguous
    assert data.y.dtype == np.int64
    np.testing.assert_array_equal(data.X, X)
    np.testing.assert_array_equal(data.y, Y)
    assert data.classes.tolist() == [3, 7, 11]
    assert len(data.classes) == 3
    assert data.shape == (2, 3, 1)
    assert data.source == str(path)
    assert data.fingerprint == load_dataset(reference).fingerprint


def changed(rows, place, value):
    other = rows.copy()
    other[place] = value
    return other


@pytest.mark.parametrize(
    "rows",
    [
        changed(ROWS, (5, 2), 0.25),
        changed(ROWS, (5, 6), 7),
        ROWS[::-1],
        ROWS[:, [1, 0, 2, 3, 4, 5, 6]],
    ],
    ids=["pixel", "label", "order of rows", "order of columns"],
)
def test_fingerprint_tells_other_rows_apart(tmp_path, rows):
    np.save(tmp_path / "a.npy", ROWS)
    np.save(tmp_path / "b.npy", rows)
    assert (
        load_dataset(tmp_path / "a.npy").fingerprint != load_dataset(tmp_path / "b.npy").fingerprint
    )


def test_fingerprint_tells_shapes_and_missing_labels_apart(tmp_path):
    fingerprints = set()
    for i, rows in enumerate([X, X.reshape(6, 12), X.reshape(18, 4)]):
        np.save(tmp_path / f"{i}.npy", rows)
        fingerprints.add(load_dataset(tmp_path / f"{i}.npy", label=None).fingerprint)
    np.savez(tmp_path / "labelled.npz", X=X, y=Y)
    fingerprints.add(load_dataset(tmp_path / "labelled.npz").fingerprint)
    assert len(fingerprints) == 4


@pytest.mark.parametrize("label", ["first", "digit"])
def test_label_in_the_first_column(tmp_path, label):
    path = tmp_path / "rows.csv"
    path.write_text("digit,a,b\n4,0.5,0.25\n6,1,0\n")
    data = load_dataset(path, label=label)
    assert data.y.tolist() == [4, 6]
    assert data.X.tolist() == [[0.5, 0.25], [1, 0]]


def test_label_by_name_in_the_middle(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a, digit ,b\n0.5,4,0.25\n1,6,0\n")
    data = load_dataset(path, label="digit")
    assert data.y.tolist() == [4, 6]
    assert data.X.tolist() == [[0.5, 0.25], [1, 0]]


@pytest.mark.parametrize("name", ["rows.npy", "rows.npz"])
def test_unlabelled_rows(tmp_path, name):
    path = tmp_path / name
    (np.save if name.endswith("npy") else np.savez)(path, X)
    data = load_dataset(path, label=None, shape=(2, 3, 1), folds=5)
    assert data.y is None
    assert len(data.classes) == 0
    np.testing.assert_array_equal(data.X, X)


def test_unlabelled_rows_are_in_c_order(tmp_path):
    np.save(tmp_path / "rows.npy", np.asfortranarray(X))
    np.save(tmp_path / "reference.npy", X)
    data = load_dataset(tmp_path / "rows.npy", label=None)
    assert data.X.flags.c_contiguous
    assert data.fingerprint == load_dataset(tmp_path / "reference.npy", label=None).fingerprint


def test_labels_of_an_archive_can_be_left_aside(tmp_path):
    write_npz(tmp_path / "rows.npz")
    assert load_dataset(tmp_path / "rows.npz", label=None).y is None


@pytest.mark.parametrize(
    ("stored", "shape"),
    [((12, 2, 3), (2, 3, 1)), ((12, 2, 3, 1), (2, 3, 1)), ((12, 1, 2, 3), (1, 2, 3))],
)
def test_images_are_flattened_and_their_shape_is_known(tmp_path, stored, shape):
    np.save(tmp_path / "images.npy", X.reshape(stored))
    data = load_dataset(tmp_path / "images.npy", label=None)
    assert data.shape == shape
    np.testing.assert_array_equal(data.X, X)


def test_bytes_stay_0_to_255(tmp_path):
    images = RNG.integers(0, 256, (4, 3, 3, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", X=images, y=np.array([True, False, True, False]))
    data = load_dataset(tmp_path / "images.npz")
    assert data.y.tolist() == [1, 0, 1, 0]
    np.testing.assert_array_equal(data.X, images.reshape(4, 27))


@pytest.mark.parametrize(
    ("first", "names"),
    [
        ("1,2,3", None),
        ("1e-3,-.5,+2", None),
        ("a,b,c", ("a", "b", "c")),
        ("0,b,1", ("0", "b", "1")),
    ],
)
def test_a_header_is_a_row_with_a_cell_that_is_no_number(tmp_path, first, names):
    path = tmp_path / "rows.csv"
    path.write_text(f"{first}\n4,5,6\n7,8,9\n")
    table = reading.read_csv(path)
    assert table.names == names
    assert len(table.values) == (3 if names is None else 2)


def test_spellings_of_not_a_number_are_no_header(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("nan,-inf,Infinity\n1,2,3\n")
    table = reading.read_csv(path)
    np.testing.assert_array_equal(table.values[0], [np.nan, -np.inf, np.inf])


def test_importing_the_package_is_quick():
    program = "import sys, hpo.data; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    heavy = {"pyarrow", "mlxtend", "keras", "tensorflow", "sklearn", "pandas", "scipy", "optuna"}
    assert not heavy & set(done.stdout.decode().split())
