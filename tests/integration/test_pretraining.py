"""Trials that begin with the weights of a training on other rows."""

import errno
import json
import re

import numpy as np
import pytest
from blobs import write_definition

from hpo import pretraining
from hpo.training import cnn

pytestmark = [
    pytest.mark.slow,  # they import Keras
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

CHANGES = {
    "name": "transfer",
    "model": "cnn",
    "data": {"train": "rows.npy", "shape": [6, 6, 1]},
    "evaluation": {"holdout": 0.5},
    "pretraining": {"train": "clean.npy", "sources": "sources.npz", "fixed": {"epochs": 2}},
    "space": {"freeze": ["nothing", "features"]},
    "fixed": {"blocks": 1, "filters": 2, "epochs": 1},
    "budget": {"trials": 2},
}


def write_images(path, count=40, classes=(0, 1)):
    """Write images whose brightness tells the class."""
    rng = np.random.default_rng(len(path.name))
    y = np.resize(classes, count)
    X = rng.random((count, 36)) * 0.5 + 0.5 * (y[:, None] > 0)
    np.save(path, np.column_stack([X, y]).astype(np.float32))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "rows.npy")
    write_images(tmp_path / "clean.npy", 30)
    np.savez(tmp_path / "sources.npz", clean=np.arange(30), test=np.arange(30, 50))
    return tmp_path


def weights_in(folder):
    [path] = folder.glob("pretrained-*.keras")
    return path


def test_weights_are_made_once_and_trials_begin_with_them(hpo, folder):
    write_definition(folder, **CHANGES)
    code, out, err = hpo("create", "transfer.toml")
    assert (code, out) == (0, "transfer\n")
    first, second = err.splitlines()
    assert re.fullmatch(r"pretraining on 30 rows of .*/clean.npy, once: .*\.keras", first)
    assert second == "pretrained on 30 rows: none of them is the source of a test row"

    made = weights_in(folder).stat().st_mtime_ns
    _, _, err = hpo("create", "transfer.toml")
    assert err == f"{second}\n"
    assert weights_in(folder).stat().st_mtime_ns == made

    assert hpo("worker", "transfer").code == 0
    assert json.loads(hpo("status", "transfer", "--json").out)["counts"]["complete"] == 2
    # Beside the pretraining rows the weights are in their place already.
    assert hpo("export", "transfer", "-o", folder / "train.py").code == 0
    assert weights_in(folder).stat().st_mtime_ns == made


def test_another_pretraining_makes_other_weights(hpo, folder):
    write_definition(folder, **CHANGES)
    hpo("create", "transfer.toml")
    other = CHANGES["pretraining"] | {"fixed": {"epochs": 1}}
    write_definition(folder, **CHANGES | {"name": "other", "pretraining": other})
    assert hpo("create", "other.toml").code == 0
    assert len({*folder.glob("pretrained-*.keras")}) == 2


def test_unknown_sources_are_called_so(hpo, folder):
    unknown = {"train": "clean.npy", "fixed": {"epochs": 1}}
    write_definition(folder, **CHANGES | {"pretraining": unknown})
    assert (
        "their sources are unknown: some may be in the test rows"
        in hpo("create", "transfer.toml").err
    )


def test_a_worker_with_other_weights_refuses_to_run(hpo, folder):
    write_definition(folder, **CHANGES)
    hpo("create", "transfer.toml")
    weights_in(folder).write_bytes(b"others")
    code, _, err = hpo("worker", "transfer")
    assert code == 2
    assert "holds other weights than those the study was created with" in err
    weights_in(folder).unlink()
    code, _, err = hpo("worker", "transfer")
    assert code == 2
    assert 'is missing, and the study "transfer" needs it' in err


REFUSED = {
    "a row that is the source of a test row": (
        {},
        r"clean.npy: 3 rows are the source of a test row, the first is digit 27",
    ),
    "a searched network": (
        {"space": {"filters": [2, 4]}, "fixed": {"blocks": 1, "epochs": 1}},
        r"space.filters: is \[2, 4\], but pretrained weights fit one network",
    ),
    "a network of its own": (
        {"pretraining": {"train": "clean.npy", "fixed": {"epochs": 1, "filters": 3}}},
        r"pretraining.fixed.filters: is 3, but pretrained weights fit one network",
    ),
    "a parameter of trials": (
        {"pretraining": {"train": "clean.npy", "fixed": {"epochs": 1, "test_shift": 1}}},
        r"pretraining.fixed.test_shift: has a meaning in trials alone",
    ),
    "an unknown parameter": (
        {"pretraining": {"train": "clean.npy", "fixed": {"epochs": 1, "speed": 3}}},
        r"pretraining.fixed.speed: the model cnn has no such parameter",
    ),
    "no epochs": (
        {"pretraining": {"train": "clean.npy"}},
        r"pretraining.fixed.epochs: is missing; give a whole number of 1 or more",
    ),
    "rows that are not there": (
        {"pretraining": {"train": "no.npy", "fixed": {"epochs": 1}}},
        r"no.npy: can't be read",
    ),
    "other labels": (
        {"pretraining": {"train": "others.npy", "fixed": {"epochs": 1}}},
        r"others.npy: has the labels \(0, 1, 2\), but the study's rows have \(0, 1\)",
    ),
    "sources of other rows": (
        {
            "pretraining": {
                "train": "forty.npy",
                "sources": "sources.npz",
                "fixed": {"epochs": 1},
            }
        },
        r"sources.npz: lists 30 clean digits, but .*forty.npy has 40 rows",
    ),
    "sources that are none": (
        {"pretraining": {"train": "clean.npy", "sources": "rows.npy", "fixed": {"epochs": 1}}},
        r"rows.npy: is not a sources.npz of `hpo data make`",
    ),
    "a model without weights": (
        {
            "model": "svm",
            "data": {"train": "rows.npy"},
            "space": {"C": {"low": 1, "high": 10}},
            "fixed": {"components": 2, "whiten": False, "kernel": "linear"},
        },
        r"pretraining: the model svm can't start from given weights",
    ),
}


@pytest.mark.parametrize(("changes", "problem"), REFUSED.values(), ids=REFUSED)
def test_refused(hpo, folder, changes, problem):
    write_images(folder / "others.npy", 30, (0, 1, 2))
    write_images(folder / "forty.npy", 40)
    np.savez(folder / "sources.npz", clean=np.arange(30), test=np.arange(27, 50))
    write_definition(folder, **CHANGES | changes)
    code, out, err = hpo("create", "transfer.toml")
    assert (code, out) == (2, "")
    assert re.search(problem, err)
    assert err.count("\n") == 1
    assert not [*folder.glob("*pretrained-*")]


def test_rows_that_trials_are_judged_on_are_refused(hpo, folder):
    rows, clean = np.load(folder / "rows.npy"), np.load(folder / "clean.npy")
    np.save(folder / "clean.npy", np.vstack([clean[:-2], rows[3:5]]))
    write_definition(folder, **CHANGES)
    said = hpo("create", "transfer.toml")
    assert said.code == 2
    assert "clean.npy: 2 rows are rows of the study, too, the first is row 28" in said.err
    assert not [*folder.glob("*.keras")]


def test_a_folder_that_can_not_be_written_is_named_before_the_training(hpo, folder, monkeypatch):
    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    write_definition(folder, **CHANGES)
    monkeypatch.setattr(pretraining.tempfile, "TemporaryDirectory", refuse)
    monkeypatch.setattr(cnn, "fit", lambda *_: pytest.fail("it was trained in vain"))
    said = hpo("create", "transfer.toml")
    assert said.code == 2
    assert f"{folder}: the weights can't be written beside the rows: Permission denied" in said.err
