import gzip
import os
import struct
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from hpo.cli.data import make
from hpo.data import clean_digits
from hpo.errors import DataError

IMAGES = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
LABELS = np.array([3, 1, 4, 1, 5], dtype=np.uint8)


def idx(array, magic=None):
    header = struct.pack(f">{1 + array.ndim}I", magic or 0x0800 + array.ndim, *array.shape)
    return header + array.tobytes()


def write_idx(folder, joint="-", end=""):
    pack = gzip.compress if end else bytes
    for part, rows in [("train", slice(0, 3)), ("t10k", slice(3, 5))]:
        (folder / f"{part}-images{joint}idx3-ubyte{end}").write_bytes(pack(idx(IMAGES[rows])))
        (folder / f"{part}-labels{joint}idx1-ubyte{end}").write_bytes(pack(idx(LABELS[rows])))
    return folder


def refusal(folder):
    with pytest.raises(DataError) as caught:
        clean_digits(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_embedded(embedded):
    assert embedded.images.shape == (5000, 28, 28)
    assert embedded.images.dtype == np.uint8
    assert (embedded.images.min(), embedded.images.max()) == (0, 255)
    assert np.bincount(embedded.labels).tolist() == [500] * 10
    assert embedded.source == "embedded"


@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx_files_under_each_name(tmp_path, joint, end):
    digits = clean_digits(str(write_idx(tmp_path, joint, end)))
    np.testing.assert_array_equal(digits.images, IMAGES)
    np.testing.assert_array_equal(digits.labels, LABELS)
    assert digits.labels.dtype == np.int64
    assert digits.source == "idx"


def test_real_idx_files(mnist_folder):
    digits = clean_digits(mnist_folder)
    assert digits.images.shape == (70_000, 28, 28)
    assert digits.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert digits.labels[60_000:60_005].tolist() == [7, 2, 1, 0, 4]
    # Published counts of both parts together.
    assert np.bincount(digits.labels).tolist() == [
        6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958,
    ]  # fmt: skip


def test_embedded_digits_are_real_ones(embedded, mnist_folder):
    known = {image.tobytes() for image in clean_digits(mnist_folder).images}
    assert all(image.tobytes() in known for image in embedded.images)


def test_folder_without_the_files(tmp_path):
    message = refusal(tmp_path)
    assert message.startswith(f"{tmp_path}: holds no train-images-idx3-ubyte[.gz]")
    assert "idx files, or keras" in message


def test_one_file_missing(tmp_path):
    (write_idx(tmp_path) / "t10k-labels-idx1-ubyte").unlink()
    assert "holds no t10k-labels-idx1-ubyte[.gz]" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (idx(IMAGES[:3], magic=2049), "magic number 2049, expected 2051"),
        (idx(IMAGES[:3])[:-1], "3x4x3 is 36 bytes, found 35"),
        (idx(IMAGES[:3]) + b"\0", "3x4x3 is 36 bytes, found 37"),
        (idx(IMAGES[:3])[:10], "is cut short: it has 10 bytes"),
        (b"", "is cut short: it has 0 bytes"),
    ],
    ids=["magic", "short", "long", "header", "empty"],
)
def test_wrong_idx_file(tmp_path, content, said):
    path = write_idx(tmp_path) / "train-images-idx3-ubyte"
    path.write_bytes(content)
    assert refusal(tmp_path).startswith(f"{path}: {said}")


@pytest.mark.parametrize("cut", [slice(0, -9), slice(0, 20), slice(5, None)])
def test_truncated_archive(tmp_path, cut):
    path = write_idx(tmp_path, end=".gz") / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[cut])
    assert refusal(tmp_path).startswith(f"{path}: is damaged or was cut short")


def test_labels_that_do_not_fit(tmp_path):
    path = write_idx(tmp_path) / "train-labels-idx1-ubyte"
    path.write_bytes(idx(LABELS))
    assert refusal(tmp_path) == f"{path}: has 5 labels for 3 images"


def test_parts_that_do_not_fit(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES[3:, :3]))
    assert "train has images of (4, 3) pixels, t10k of (3, 3)" in refusal(tmp_path)


def test_unreadable_file(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    write_idx(tmp_path)
    monkeypatch.setattr("pathlib.Path.read_bytes", denied)
    assert refusal(tmp_path).endswith("can't be read: Permission denied")


def fake_keras(monkeypatch, load_data):
    datasets = ModuleType("keras.datasets")
    datasets.mnist = SimpleNamespace(load_data=load_data)
    monkeypatch.setitem(sys.modules, "keras", ModuleType("keras"))
    monkeypatch.setitem(sys.modules, "keras.datasets", datasets)


def test_keras(monkeypatch):
    fake_keras(monkeypatch, lambda: ((IMAGES[:3], LABELS[:3]), (IMAGES[3:], LABELS[3:])))
    digits = clean_digits("keras")
    np.testing.assert_array_equal(digits.images, IMAGES)
    np.testing.assert_array_equal(digits.labels, LABELS)
    assert digits.source == "keras"


def test_keras_without_a_network(monkeypatch):
    def fail():
        raise Exception("URL fetch failure:\nno route")  # noqa: TRY002 - what Keras raises

    fake_keras(monkeypatch, fail)
    message = refusal("keras")
    assert message.startswith("keras: URL fetch failure: no route")
    assert "use embedded" in message


def test_keras_that_can_not_be_loaded_is_told_in_one_line(monkeypatch):
    class Unloadable(ModuleType):
        def __getattr__(self, name):
            raise ValueError("Unable to import backend : tf")

    monkeypatch.setitem(sys.modules, "keras", ModuleType("keras"))
    monkeypatch.setitem(sys.modules, "keras.datasets", Unloadable("keras.datasets"))
    assert refusal("keras").startswith("keras: Unable to import backend : tf: use embedded")


def test_what_keras_says_while_it_is_loaded_is_kept_off_the_screen(monkeypatch, tmp_path, capfd):
    def load_data():
        os.write(2, b"I0000 cudart_stub.cc:31] Could not find cuda drivers\n")
        raise Exception("URL fetch failure")  # noqa: TRY002 - what Keras raises

    fake_keras(monkeypatch, load_data)
    with pytest.raises(DataError, match="URL fetch failure"):
        make.main([str(tmp_path / "out"), "--mnist", "keras"], standalone_mode=False)
    assert capfd.readouterr().err == ""
