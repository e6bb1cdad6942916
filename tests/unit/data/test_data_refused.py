"""Bad files: each is refused with one line that names the file, the place and the way out."""

import contextlib
import gzip
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hpo.data import load_dataset
from hpo.errors import DataError
from hpo.training.images import to_images
from hpo.training.task import Task

GOOD = np.column_stack([np.linspace(0, 1, 32).reshape(8, 4), [0, 1] * 4])
IMAGE = {"shape": (2, 2, 1)}


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        load_dataset(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def with_value(row, column, value):
    rows = GOOD.copy()
    rows[row, column] = value
    return rows


def csv(rows, header=""):
    return header + "".join(",".join(map(str, row)) + "\n" for row in rows)


# ---- the file itself


def test_missing_file(tmp_path):
    assert "No such file" in refusal(tmp_path / "none.csv")


def test_folder(tmp_path):
    assert "is a folder" in refusal(tmp_path)


def test_not_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "not a regular file" in refusal(tmp_path / "pipe.csv")


@pytest.mark.parametrize("name", ["rows.xlsx", "rows", "rows.gz", "rows.npy.gz"])
def test_unknown_suffix_lists_the_known(tmp_path, name):
    (tmp_path / name).write_text("1,2,3\n")
    message = refusal(tmp_path / name)
    assert ".csv, .csv.gz, .amat, .npy, .npz, .parquet" in message
    assert repr(Path(name).suffix) in message


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.amat", "a.npy", "a.npz", "a.parquet"])
def test_empty_file(tmp_path, name):
    (tmp_path / name).touch()
    assert "is empty" in refusal(tmp_path / name)


@contextlib.contextmanager
def ordinary_user():
    """Root may read everything: be nobody for a moment."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", ["a.csv", "a.npy", "a.npz", "a.parquet"])
def test_permission_denied(name):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / name
        path.write_text("1,2\n")
        path.chmod(0o000)
        with ordinary_user():
            assert "can't be read: Permission denied" in refusal(path)


def write_rows(path, rows):
    if path.suffix == ".npy":
        np.save(path, rows)
    elif path.suffix == ".npz":
        np.savez(path, X=rows[:, :-1], y=rows[:, -1])
    elif path.suffix == ".parquet":
        pq.write_table(pa.table({f"c{i}": rows[:, i] for i in range(rows.shape[1])}), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(csv(rows, "a,b,c,d,e\n").encode()))
    else:
        path.write_text(csv(rows, "a,b,c,d,e\n"))


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.npy", "a.npz", "a.parquet"])
@pytest.mark.parametrize("label", ["last", None])
def test_no_rows(tmp_path, name, label):
    write_rows(tmp_path / name, GOOD[:0])
    assert "holds no rows" in refusal(tmp_path / name, label=label)


def test_no_images(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((0, 2, 2)))
    assert "holds no rows" in refusal(tmp_path / "a.npy", label=None)


@pytest.mark.parametrize("text", ["\n", "\n\n\n"])
def test_blank_csv(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    assert "holds no rows" in refusal(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.npy", "a.npz", "a.parquet"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.98])
def test_truncated(tmp_path, name, share):
    path = tmp_path / name
    write_rows(path, np.random.default_rng(0).random((400, 5)))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert re.search("cut short|damaged", refusal(path))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.npz", "a.parquet"])
def test_damaged_in_the_middle(tmp_path, name):
    path = tmp_path / name
    write_rows(path, np.random.default_rng(0).random((400, 5)))
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 64] = b"\xff" * 64
    path.write_bytes(content)
    if name != "a.parquet":
        assert "damaged" in refusal(path)
        return
    with contextlib.suppress(DataError):  # pages have no checksum: NaN is found, or nothing is
        load_dataset(path)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.npy", "a.npz", "a.parquet"])
def test_another_kind_of_file_under_the_name(tmp_path, name):
    (tmp_path / name).write_text("1,2,3\n" * 20)
    assert re.search("cut short|damaged", refusal(tmp_path / name))


def test_binary_under_the_name_of_a_csv(tmp_path):
    (tmp_path / "a.csv").write_bytes(gzip.compress(b"1,2,3\n"))
    assert "not a text file" in refusal(tmp_path / "a.csv")


def test_a_header_that_counts_the_columns_is_no_row(tmp_path):
    rows = "0,1,2,3,4,5,6,7\n" + "0.5,0.5,0.5,0.5,0.5,0.5,0.5,1\n"  # as pandas numbers columns
    (tmp_path / "a.csv").write_text(rows)
    said = "row 1 counts the columns from 0: leave it out (in pandas, header=False), or write names"
    assert said in refusal(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("0,1,2\n1,0,1\n")
    assert len(load_dataset(tmp_path / "a.csv").X) == 2


def test_header_that_promises_too_much(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        shape = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 784)}
        np.lib.format.write_array_header_1_0(file, shape)
    assert "cut short" in refusal(tmp_path / "a.npy")


# ---- arrays of the wrong kind


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([[1, "a"]], dtype=object), "Python objects, which are never loaded"),
        (np.array([["1", "2"]]), "type <U1, not numbers"),
        (np.array([[1j, 2]]), "type complex128, not numbers"),
        (np.zeros(3, dtype=[("a", "f4")]), "not numbers"),
        (np.arange(3), "shape (3,)"),
        (np.zeros((1, 2, 2, 2, 2)), "shape (1, 2, 2, 2, 2)"),
    ],
)
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_array_of_the_wrong_kind(tmp_path, name, array, said):
    (np.save if name == "a.npy" else np.savez)(tmp_path / name, array)
    assert said in refusal(tmp_path / name)


def test_objects_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    np.save(tmp_path / "a.npy", np.array([[Trap()]], dtype=object))
    assert "never loaded" in refusal(tmp_path / "a.npy")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": GOOD, "b": GOOD}, "found: a, b"),
        ({"X": GOOD, "y": GOOD[:, 0], "z": GOOD}, "found: X, y, z"),
        ({}, "found: none"),
        ({"X": GOOD, "y": np.arange(5)}, "y has the shape (5,), but X has 8 rows"),
        ({"X": GOOD, "y": np.zeros((8, 2))}, "y has the shape (8, 2), but X has 8 rows"),
        ({"X": GOOD, "y": np.array(list("abcdefgh"))}, "type <U1, not numbers"),
    ],
)
def test_archive_of_other_arrays(tmp_path, arrays, said):
    np.savez(tmp_path / "a.npz", **arrays)
    assert said in refusal(tmp_path / "a.npz")


def test_labels_that_are_texts_are_named_with_what_to_do(tmp_path):
    np.savez(tmp_path / "a.npz", X=GOOD, y=np.array(["cat", "dog"] * 4))
    assert refusal(tmp_path / "a.npz") == (
        "y holds values of type <U3, not numbers, the first is 'cat': "
        "write numbers, and labels as whole numbers of 0 or more"
    )
    np.savez(tmp_path / "a.npz", X=GOOD, y=np.array(["cat", "dog"] * 4, dtype=object))
    assert refusal(tmp_path / "a.npz").startswith("y holds Python objects, which are never loaded")
    pq.write_table(pa.table({"a": [1.0], "who": ["x"]}), tmp_path / "a.parquet")
    assert "the first is 'x': write numbers, and labels as" in refusal(tmp_path / "a.parquet")


@pytest.mark.parametrize("values", [np.empty((0, 2), "U1"), np.empty((2, 0), "U1")])
def test_an_empty_array_of_texts_is_refused(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    assert "type <U1, not numbers" in refusal(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"a": [1.0], "who": ["x"]}, "column 'who' holds values of type string"),
        ({"a": [[1.0, 2.0]]}, "column 'a' holds values of type list"),
        ({"a": [None]}, "column 'a' holds values of type null"),
        ({"__index_level_0__": [1]}, "holds no columns"),
    ],
)
def test_parquet_of_other_columns(tmp_path, columns, said):
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert said in refusal(tmp_path / "a.parquet")


# ---- rows and cells


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2,3\n4,5\n", "row 2 has 2 columns, row 1 has 3"),
        ("1,2,3\n4,5,6\n7,8,9,1\n", "row 3 has 4 columns, row 1 has 3"),
        ("a,b,c\n1,2,3\n4,5\n", "row 3 has 2 columns, row 1 has 3"),
        ("a,b,c\n1,2\n4,5\n", "row 2 has 2 columns, row 1 (the header) 3"),
        ("1,2,3\n4,oops,6\n", "row 2, column 2: 'oops' is not a number"),
        ("a,b,c\n1,2,3\n4,5,x\n", "row 3, column 3: 'x' is not a number"),
        ("1,2,3\n4,1_000,6\n", "row 2, column 2: '1_000' is not a number"),
        ("1,2,3\n4,,6\n", "row 2, column 2: the cell is empty"),
        ("1,,3\n4,5,6\n", "row 1, column 2: the cell is empty"),
        ("1,2,3\n\n4,5,6\n", "row 2 is blank"),
        ("1,2,3\n4,5,six\n", "'six' is not a number: write numbers, and labels as whole numbers"),
        ("1;2;3\n4;5;6\n", "row 1 is a single cell with ';' in it: separate cells with commas"),
        ("a\tb\n1\t2\n", "row 1 is a single cell with '\\t' in it: separate cells with commas"),
        (",a,y\n0,5,1\n1,6,0\n", "row 1, column 1: the header has no name here: leave row numbers"),
        ("1,2,3\n4," + "z" * 5000 + ",6\n", f"row 2, column 2: '{'z' * 30}' is not a number"),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_bad_cell_in_csv(tmp_path, name, text, said):
    content = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    message = refusal(tmp_path / name)
    assert said in message
    assert len(message) < 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 2 3\n4  5\n", "row 2 has 2 columns, row 1 has 3"),
        ("a b c\n4 5 6\n", "row 1, column 1: 'a' is not a number"),
        ("1 2 3\n4 5,0 6\n", "row 2, column 2: '5,0' is not a number"),
    ],
)
def test_bad_cell_in_amat(tmp_path, text, said):
    (tmp_path / "a.amat").write_text(text)
    assert said in refusal(tmp_path / "a.amat")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize(
    ("name", "row"), [("a.csv", 7), ("a.csv.gz", 7), ("a.npy", 6), ("a.npz", 6), ("a.parquet", 6)]
)
def test_not_finite(tmp_path, name, row, value):
    write_rows(tmp_path / name, with_value(5, 2, value))
    assert refusal(tmp_path / name).startswith(f"row {row}, column 3: {value} is not a finite")


def test_missing_value_in_parquet(tmp_path):
    pq.write_table(pa.table({"a": [1.0, 2.0], "b": [0, None]}), tmp_path / "a.parquet")
    assert refusal(tmp_path / "a.parquet").startswith("row 2, column 2: nan is not a finite")


@pytest.mark.parametrize("rows", [GOOD[:, :4], np.column_stack([GOOD, GOOD])])
def test_wrong_column_count(tmp_path, rows):
    np.save(tmp_path / "a.npy", rows)
    message = refusal(tmp_path / "a.npy", **IMAGE)
    assert "expected a label and 4 pixels (2x2x1)" in message
    assert f"found a label and {rows.shape[1] - 1}:" in message


@pytest.mark.parametrize(
    ("rows", "label", "hint"),
    [
        (GOOD[:, :4], "last", "set label to none"),
        (GOOD, None, "set label to last, first or its name"),
        (GOOD[:, :2], "last", "check the shape and label settings"),
    ],
)
def test_wrong_column_count_hints_at_the_label(tmp_path, rows, label, hint):
    np.save(tmp_path / "a.npy", rows)
    assert hint in refusal(tmp_path / "a.npy", label=label, **IMAGE)


def test_images_of_another_shape(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 3, 4, 2)))
    message = refusal(tmp_path / "a.npy", label=None, shape=(4, 2, 3))
    assert "(3, 4, 2)" in message
    assert "(4, 2, 3)" in message


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_images_are_never_scrambled(tmp_path, name, transposed):
    images = np.arange(96).reshape(4, 3, 4, 2)
    np.save(tmp_path / "a.npy", images)
    np.savez(tmp_path / "a.npz", X=images, y=[0, 1, 0, 1])
    path, label = tmp_path / name, None if name == "a.npy" else "last"
    good, wrong = ((4, 3, 2), (3, 4, 2)) if transposed else ((3, 4, 2), (4, 3, 2))
    for shape in (good, None):
        found = load_dataset(path, label=label, shape=shape, transposed=transposed)
        assert found.shape == good
        task = Task(shape=good, classes=(0, 1), transposed=transposed)
        seen = images.swapaxes(1, 2) if transposed else images
        np.testing.assert_array_equal(to_images(found.X, task), seen)
    message = refusal(path, label=label, shape=wrong, transposed=transposed)
    assert f"transposed = {str(transposed).lower()}" in message
    assert f"shape {good}, but the shape is set to {wrong}" in message


def test_label_only(tmp_path):
    np.save(tmp_path / "a.npy", GOOD[:, 4:])
    assert "no columns of features" in refusal(tmp_path / "a.npy")


@pytest.mark.parametrize("value", [1.5, -1.0, 1e18])
@pytest.mark.parametrize(
    ("name", "row"), [("a.csv", 4), ("a.npy", 3), ("a.npz", 3), ("a.parquet", 3)]
)
def test_label_that_is_no_class(tmp_path, name, row, value):
    write_rows(tmp_path / name, with_value(2, 4, value))
    message = refusal(tmp_path / name)
    assert message.startswith(f"row {row}: the label {value} is not a whole number of 0 or more")
    assert "label setting" in message


def test_label_missing_in_an_archive(tmp_path):
    np.savez(tmp_path / "a.npz", X=GOOD, y=[0, 1, np.nan, 1, 0, 1, 0, 1])
    assert refusal(tmp_path / "a.npz").startswith("row 3: the label nan")


def test_images_without_labels(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 2, 2)))
    assert "set label to none" in refusal(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("header", "label", "said"),
    [
        ("", "digit", "has no header"),
        ("a,b,c,d,e\n", "digit", "has 0 columns named 'digit'"),
        ("a,b,c,d,e\n", "digit", "a, b, c, d, e"),
        ("a,a,b,c,d\n", "a", "has 2 columns named 'a'"),
    ],
)
def test_label_column_that_is_not_there(tmp_path, header, label, said):
    (tmp_path / "a.csv").write_text(csv(GOOD, header))
    assert said in refusal(tmp_path / "a.csv", label=label)


def test_long_headers_are_shortened(tmp_path):
    names = ",".join(f"pixel{i}" for i in range(784))
    (tmp_path / "a.csv").write_text(f"{names}\n" + ",".join(["0"] * 784) + "\n")
    message = refusal(tmp_path / "a.csv", label="digit")
    assert message.endswith("pixel0, pixel1, pixel2, ..., pixel782, pixel783")


@pytest.mark.parametrize(
    ("label", "place", "column"),
    [("last", (3, 1), 2), ("first", (3, 1), 2), ("c", (3, 1), 2), ("c", (3, 3), 4)],
)
@pytest.mark.parametrize("value", [255.0, -0.5])
def test_outside_of_the_range(tmp_path, label, place, column, value):
    rows = np.tile([[0.0, 1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0, 1.0]], (4, 1))
    rows[place] = value
    (tmp_path / "a.csv").write_text(csv(rows, "a,b,c,d,e\n"))
    message = refusal(tmp_path / "a.csv", label=label, value_range=(0, 1))
    assert message.startswith(f"row 5, column {column}: {value} is outside of the range 0 to 1")


def test_one_class(tmp_path):
    np.save(tmp_path / "a.npy", np.column_stack([GOOD[:, :4], np.full(8, 3)]))
    assert "all its rows are of class 3: two classes are needed" in refusal(tmp_path / "a.npy")


def test_class_with_fewer_rows_than_folds(tmp_path):
    np.save(tmp_path / "a.npy", np.column_stack([GOOD[:, :4], [0, 0, 0, 7, 7, 9, 9, 9]]))
    assert len(load_dataset(tmp_path / "a.npy", folds=2).classes) == 3
    assert "class 7 has 2 rows, fewer than the 3 folds" in refusal(tmp_path / "a.npy", folds=3)


def test_class_of_a_single_row(tmp_path):
    np.save(tmp_path / "a.npy", np.column_stack([GOOD[:, :4], [0, 0, 0, 0, 7, 9, 9, 9]]))
    message = refusal(tmp_path / "a.npy", folds=2)
    assert message.startswith("class 7 has a single row")
    assert "folds" not in message


@pytest.mark.parametrize("label", ["last", "none"])
def test_what_a_study_can_do_without_labels_is_said(tmp_path, label):
    np.save(tmp_path / "a.npy", np.zeros((5, 2, 2)))
    assert "for a study, save X and y as .npz" in refusal(tmp_path / "a.npy", label=label)
    np.save(tmp_path / "b.npy", np.full((5, 3), 0.5))
    assert refusal(tmp_path / "b.npy").endswith("for `hpo data check`, also none)")
