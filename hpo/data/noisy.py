"""Noisy digits, made by the rule of the published mnist-back-rand set.

x = max(digit / 256, u), u ~ Uniform(0, 1) for each pixel; the digits in random order, none twice,
so none is in both the training and the test rows. The rule was checked on rows of the public set.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.data.digest import sha256_of
from hpo.data.digits import Digits
from hpo.errors import InputError

RULE = "x = max(digit / 256, u), u ~ Uniform(0, 1) for each pixel"
MANIFEST = "noisy-digits.json"
ROWS = ("train.npy", "test.npy", "test-unlabelled.npy", "clean.npy", "sources.npz")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How many rows to make, from which seed, and whether pixels are stored column by column.

    The published set is stored column by column.
    """

    train: int = 4_000
    test: int = 1_000
    seed: int = 0
    transposed: bool = False


PRESETS = {"embedded": Recipe(), "benchmark": Recipe(train=12_000, test=50_000)}


@dataclass(frozen=True, kw_only=True, eq=False)
class RowSet:
    """Rows (n, pixels) with labels (n,), and the clean digit (n,) that each was made from."""

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    sources: NDArray[np.int64]


def noisy_sets(digits: Digits, recipe: Recipe) -> tuple[RowSet, RowSet]:
    """Return the training and the test rows; the same digits and recipe give the same bytes.

    Raises:
        InputError: there are too few digits, or a number of the recipe is out of bounds.
    """
    _check(digits, recipe)
    # Separate streams: a change of size affects neither the order of digits nor the other's noise.
    order, *noise = [np.random.default_rng(s) for s in np.random.SeedSequence(recipe.seed).spawn(3)]
    chosen = order.permutation(len(digits.images))[: recipe.train + recipe.test]
    train, test = chosen[: recipe.train], chosen[recipe.train :]
    return (
        _noisy(digits, train, noise[0], recipe.transposed),
        _noisy(digits, test, noise[1], recipe.transposed),
    )


def pretraining_set(digits: Digits, recipe: Recipe, test: RowSet) -> RowSet:
    """Return the clean digits that are not the source of a test row, for pretraining."""
    sources = np.setdiff1d(np.arange(len(digits.images)), test.sources)
    images = digits.images[sources].astype(np.float32) / np.float32(256)
    X = _flat(images, recipe.transposed)
    return RowSet(X=X, y=digits.labels[sources], sources=sources)


def make(out: str | Path, digits: Digits, recipe: Recipe, *, force: bool = False) -> Path:
    """Write a folder of noisy digits, all of it or nothing, and return its path.

    It holds `train.npy` and `test.npy` (rows of float32, the label last), `test-unlabelled.npy`
    (the same rows without it), `clean.npy` (the clean digits that are the source of no test row),
    `sources.npz` (`train`, `test`, `clean`: the index from 0 of each row's clean digit in its
    source) and `noisy-digits.json` (what it was made from). `force` replaces a folder that this
    function made, and no other.

    Raises:
        InputError: the folder can't be written or replaced, or there are too few digits.
    """
    out = Path(out).resolve()
    try:
        _check_out(out, force)
        train, test = noisy_sets(digits, recipe)
        with _new_folder(out) as folder:
            _write_rows(folder, train, test, pretraining_set(digits, recipe, test))
            _write_manifest(folder, digits, recipe)
    except OSError as problem:
        message = f"{out}: can't be written: {problem.strerror or problem}"
        raise InputError(message) from problem
    return out


def _check(digits: Digits, recipe: Recipe) -> None:
    if recipe.train < 1 or recipe.test < 1 or recipe.seed < 0:
        raise InputError(f"{recipe}: train and test must be 1 or more, seed 0 or more")
    needed, found = recipe.train + recipe.test, len(digits.images)
    if needed > found:
        raise InputError(
            f"{needed} digits are needed ({recipe.train} to train, {recipe.test} to test), but the "
            f"{digits.source} source has {found}: make fewer, or take all of MNIST (keras, idx)"
        )


def _noisy(
    digits: Digits, sources: NDArray[np.int64], rng: np.random.Generator, transposed: bool
) -> RowSet:
    images = digits.images[sources]
    noise = rng.random(images.shape, dtype=np.float32)
    np.maximum(images / np.float32(256), noise, out=noise)
    return RowSet(X=_flat(noise, transposed), y=digits.labels[sources], sources=sources)


def _flat(images: NDArray[np.float32], transposed: bool) -> NDArray[np.float32]:
    stored = images.swapaxes(1, 2) if transposed else images
    return np.ascontiguousarray(stored).reshape(len(stored), -1)


# ---- files


def _check_out(out: Path, force: bool) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out}: is a file: give a folder, new or empty")
    found = {path.name for path in out.iterdir()}
    foreign = sorted(found - {MANIFEST, *ROWS})
    if foreign or (found and MANIFEST not in found):
        name = (foreign or sorted(found))[0]
        raise InputError(f"{out}: holds other files ({name}): give a new or an empty folder")
    if found and not force:
        raise InputError(f"{out}: holds noisy digits already: give another folder, or --force")


def _write_rows(folder: Path, train: RowSet, test: RowSet, clean: RowSet) -> None:
    np.save(folder / "train.npy", _labelled(train))
    np.save(folder / "test.npy", _labelled(test))
    np.save(folder / "test-unlabelled.npy", test.X)
    np.save(folder / "clean.npy", _labelled(clean))
    np.savez(folder / "sources.npz", train=train.sources, test=test.sources, clean=clean.sources)


def _labelled(rows: RowSet) -> NDArray[np.float32]:
    return np.column_stack([rows.X, rows.y.astype(np.float32)])


def _write_manifest(folder: Path, digits: Digits, recipe: Recipe) -> None:
    manifest = {
        "rule": RULE,
        "source": digits.source,
        "source_sha256": hashlib.sha256(np.ascontiguousarray(digits.images).data).hexdigest(),
        **asdict(recipe),
        "numpy": np.__version__,
        "sha256": {name: sha256_of(folder / name) for name in ROWS},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Yield a hidden folder beside `out` to write to, and move it to `out` at the end."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        folder.mkdir()
        yield folder
        _put(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(folder: Path, out: Path) -> None:
    if not out.exists():
        folder.rename(out)
        return
    old = folder.with_name(f"{folder.name}.old")
    out.rename(old)
    try:
        folder.rename(out)
    except BaseException:
        old.rename(out)
        raise
    shutil.rmtree(old)
