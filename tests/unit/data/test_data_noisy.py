import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.data import PRESETS, Recipe, clean_digits, load_dataset, make, noisy_sets
from hpo.errors import InputError

SMALL = Recipe(train=30, test=20, seed=7)
FILES = [
    *("clean.npy", "noisy-digits.json", "sources.npz"),
    *("test-unlabelled.npy", "test.npy", "train.npy"),
]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def hashes(folder):
    return {path.name: sha256(path) for path in sorted(folder.iterdir())}


def refusal(*args, **options):
    with pytest.raises(InputError) as caught:
        make(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- the rule


@pytest.fixture(scope="module")
def published(embedded):
    """Embedded digits by the default recipe, with the clean rows behind each set."""
    train, test = noisy_sets(embedded, Recipe())
    clean = embedded.images.reshape(5000, 784)
    return embedded, train, test, clean


def test_noise_never_darkens_a_digit(published):
    _, train, test, clean = published
    for rows in (train, test):
        assert rows.X.dtype == np.float32
        assert np.greater_equal(rows.X, clean[rows.sources] / np.float32(256)).all()
        assert (rows.X < 1).all()


def test_background_is_uniform(published):
    _, train, _, clean = published
    background = train.X[clean[train.sources] == 0]
    shares = np.histogram(background, bins=20, range=(0, 1))[0] / background.size
    np.testing.assert_allclose(shares, 1 / 20, atol=5e-4)


@pytest.mark.parametrize("value", [64, 128, 253])
def test_ink_shows_as_often_as_it_is_brighter_than_the_noise(published, value):
    _, train, _, clean = published
    pixels = train.X[clean[train.sources] == value]
    assert np.mean(pixels == value / 256) == pytest.approx(value / 256, abs=0.03)
    assert (pixels[pixels != value / 256] > value / 256).all()


def test_noise_differs_from_row_to_row_and_set_to_set(published):
    _, train, test, _ = published
    corner = slice(0, 28)  # the top row of MNIST is empty: noise alone
    rows = np.vstack([train.X[:300, corner], test.X[:300, corner]])
    assert len(np.unique(rows, axis=0)) == 600
    correlation = np.corrcoef(train.X[:1000, 0], test.X[:1000, 0])[0, 1]
    assert abs(correlation) < 0.15


def test_no_digit_is_used_twice(published):
    _, train, test, clean = published
    used = np.concatenate([train.sources, test.sources])
    assert sorted(used) == list(range(5000))
    assert len(np.unique(clean[used], axis=0)) == 5000


def test_labels_are_the_digits_own_in_random_order(published):
    digits, train, test, _ = published
    for rows in (train, test):
        np.testing.assert_array_equal(rows.y, digits.labels[rows.sources])
        assert len(np.unique(rows.y[:100])) == 10


def test_transposed_rows_are_the_same_images_turned(some_digits):
    upright, turned = (noisy_sets(some_digits, replace(SMALL, transposed=t)) for t in (False, True))
    for a, b in zip(upright, turned, strict=True):
        images = a.X.reshape(-1, 5, 4)
        np.testing.assert_array_equal(b.X, images.swapaxes(1, 2).reshape(len(images), -1))
        assert not np.array_equal(a.X, b.X)
        np.testing.assert_array_equal(a.y, b.y)


def test_sizes_change_no_row(some_digits):
    few, many = (noisy_sets(some_digits, replace(SMALL, train=n, test=9))[0] for n in (10, 30))
    np.testing.assert_array_equal(few.sources, many.sources[:10])
    np.testing.assert_array_equal(few.X, many.X[:10])


def test_seeds_differ(some_digits):
    one, other = (noisy_sets(some_digits, replace(SMALL, seed=seed))[0] for seed in (1, 2))
    assert not np.array_equal(one.sources, other.sources)
    assert not np.isin(one.X[one.X < 0.9], other.X).all()


# ---- the sizes


def test_presets():
    assert PRESETS["embedded"] == Recipe(train=4000, test=1000, seed=0, transposed=False)
    assert (PRESETS["benchmark"].train, PRESETS["benchmark"].test) == (12_000, 50_000)


def test_the_embedded_digits_are_too_few_for_the_benchmark(embedded, tmp_path):
    message = refusal(tmp_path / "out", embedded, PRESETS["benchmark"])
    assert "62000 digits are needed (12000 to train, 50000 to test)" in message
    assert "the embedded source has 5000" in message
    assert not list(tmp_path.iterdir())


def test_benchmark(mnist_folder):
    train, test = noisy_sets(clean_digits(mnist_folder), PRESETS["benchmark"])
    assert train.X.shape == (12_000, 784)
    assert test.X.shape == (50_000, 784)
    assert len(np.union1d(train.sources, test.sources)) == 62_000


@pytest.mark.parametrize("change", [{"train": 0}, {"test": 0}, {"seed": -1}, {"train": -5}])
def test_numbers_out_of_bounds(some_digits, tmp_path, change):
    message = refusal(tmp_path / "out", some_digits, replace(SMALL, **change))
    name, value = next(iter(change.items()))
    assert f"{name}={value}" in message


# ---- the files


def test_files(some_digits, tmp_path):
    out = make(tmp_path / "deep" / "out", some_digits, SMALL)
    train, test = noisy_sets(some_digits, SMALL)

    assert names(out) == FILES
    for name, rows in [("train.npy", train), ("test.npy", test)]:
        stored = np.load(out / name)
        assert stored.dtype == np.float32
        np.testing.assert_array_equal(stored, np.column_stack([rows.X, rows.y]))
    np.testing.assert_array_equal(np.load(out / "test-unlabelled.npy"), test.X)
    with np.load(out / "sources.npz") as sources:
        np.testing.assert_array_equal(sources["train"], train.sources)
        np.testing.assert_array_equal(sources["test"], test.sources)
        clean = sources["clean"]
    assert sorted([*clean, *test.sources]) == list(range(len(some_digits.images)))
    pixels = some_digits.images[clean].reshape(len(clean), -1) / np.float32(256)
    labels = some_digits.labels[clean]
    np.testing.assert_array_equal(np.load(out / "clean.npy"), np.column_stack([pixels, labels]))


def test_files_load(some_digits, tmp_path):
    out = make(tmp_path / "out", some_digits, SMALL)
    data = load_dataset(out / "train.npy", shape=(5, 4, 1), value_range=(0, 1))
    assert len(data.classes) == 10
    assert load_dataset(out / "test-unlabelled.npy", label=None).X.shape == (20, 20)


def test_manifest(some_digits, tmp_path):
    out = make(tmp_path / "out", some_digits, replace(SMALL, transposed=True))
    manifest = json.loads((out / "noisy-digits.json").read_text())
    names_of_rows = set(FILES) - {"noisy-digits.json"}
    assert manifest.pop("sha256") == {name: sha256(out / name) for name in names_of_rows}
    assert manifest == {
        "rule": "x = max(digit / 256, u), u ~ Uniform(0, 1) for each pixel",
        "source": "embedded",
        "source_sha256": hashlib.sha256(some_digits.images.tobytes()).hexdigest(),
        "train": 30,
        "test": 20,
        "seed": 7,
        "transposed": True,
        "numpy": np.__version__,
    }


def test_same_seed_same_bytes(embedded, tmp_path):
    recipe = Recipe(train=300, test=100, seed=11)
    one, two = (make(tmp_path / name, embedded, recipe) for name in ("one", "two"))
    assert hashes(one) == hashes(two)
    other = make(tmp_path / "other", embedded, replace(recipe, seed=12))
    assert not set(hashes(one).values()) & set(hashes(other).values())


def test_bytes_of_old_runs_stay(some_digits, tmp_path):
    out = make(tmp_path / "out", some_digits, SMALL)
    found = hashes(out)
    assert found["train.npy"].startswith("2d971cd5c291534c")
    assert found["test.npy"].startswith("19bb84ac9772d180")


# ---- the folder


def test_empty_folder_is_used(some_digits, tmp_path):
    (tmp_path / "out").mkdir()
    make(tmp_path / "out", some_digits, SMALL)
    assert names(tmp_path / "out") == FILES


def test_own_folder_is_replaced_only_by_force(some_digits, tmp_path):
    out = make(tmp_path / "out", some_digits, SMALL)
    before = hashes(out)
    again = replace(SMALL, seed=8)
    assert "or --force" in refusal(out, some_digits, again)
    assert hashes(out) == before
    make(out, some_digits, again, force=True)
    assert hashes(out) != before
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("made_here", [False, True])
@pytest.mark.parametrize("force", [False, True])
def test_files_of_others_are_never_replaced(some_digits, tmp_path, made_here, force):
    out = tmp_path / "out"
    out.mkdir()
    if made_here:
        make(out, some_digits, SMALL)
    (out / "thesis.txt").write_text("years")
    assert "holds other files (thesis.txt)" in refusal(out, some_digits, SMALL, force=force)
    assert (out / "thesis.txt").read_text() == "years"


def test_a_train_file_alone_is_not_ours(some_digits, tmp_path):
    (tmp_path / "train.npy").write_text("mine")
    assert "(train.npy)" in refusal(tmp_path, some_digits, SMALL, force=True)


def test_a_file_in_the_way(some_digits, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert "is a file" in refusal(tmp_path / "out", some_digits, SMALL, force=True)
    below = tmp_path / "out" / "below"
    assert f"{below}: can't be written" in refusal(below, some_digits, SMALL)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("existing", [False, True])
def test_nothing_half_written_is_left(some_digits, tmp_path, monkeypatch, error, existing):
    out = tmp_path / "out"
    before = hashes(make(out, some_digits, SMALL)) if existing else None

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(np, "savez", fail)
    expected = KeyboardInterrupt if error is KeyboardInterrupt else InputError
    with pytest.raises(expected):
        make(out, some_digits, replace(SMALL, seed=8), force=True)
    assert names(tmp_path) == (["out"] if existing else [])
    assert not existing or hashes(out) == before


def test_old_folder_comes_back_when_the_last_step_fails(some_digits, tmp_path, monkeypatch):
    out = make(tmp_path / "out", some_digits, SMALL)
    before = hashes(out)
    rename = Path.rename

    def fail_for_the_new(path, target):
        if target == out and not path.name.endswith(".old"):
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(KeyboardInterrupt):
        make(out, some_digits, replace(SMALL, seed=8), force=True)
    assert hashes(out) == before
    assert names(tmp_path) == ["out"]
