"""The best trial of a model of one's own, which is a package of several modules, as a script."""

import csv
import json
import re
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
from blobs import write_definition, write_rows

from hpo.study import load_study, status

SAMPLED = {
    "model": "centroid:SAMPLED",
    "space": {"shrinkage": {"low": 0.0, "high": 0.9}},
    "fixed": {},
}


@pytest.fixture
def run_script(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "train.py", *map(str, arguments)],
            cwd=tmp_path,
            env={},  # in particular no PYTHONPATH to the package
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def define(tmp_path, monkeypatch):
    """Write training code, a model of it, and the definition of a study of one trial."""

    def write(name, code):
        (tmp_path / f"{name}.py").write_text(code)
        (tmp_path / f"{name}_model.py").write_text(
            "from centroid import sampled\n"
            "from hpo.models import Model\n"
            f'MODEL = Model(Params=sampled.Params, training="{name}")\n'
        )
        monkeypatch.syspath_prepend(tmp_path)
        write_rows(tmp_path)
        model = f"{name}_model:MODEL"
        write_definition(tmp_path, **{**SAMPLED, "model": model, "budget": {"trials": 1}})

    return write


@pytest.mark.parametrize(
    "changes",
    [{}, {"evaluation": {"folds": 3, "metric": "error_rate"}}, SAMPLED],
    ids=["hold-out", "folds", "samples"],
)
def test_the_exported_script_gives_the_recorded_value(
    create_study, work, hpo, run_script, tmp_path, changes
):
    stored = create_study(**changes)
    work(stored)
    said = hpo("export", "blobs", "-o", "train.py")
    assert (said.code, said.out, said.err) == (0, "train.py\n", "")
    script = (tmp_path / "train.py").read_text()
    assert not re.search(r"(import|from) (hpo|optuna|centroid)\b", script)
    verified = run_script("--data", "blobs.npy", "--verify")
    assert verified.returncode == 0, verified.stderr
    assert f"recorded {status(stored).best.value}" in verified.stdout
    assert verified.stdout.endswith("verified\n")


def test_another_value_is_not_verified(create_study, work, hpo, run_script, tmp_path):
    work(create_study())
    script = hpo("export", "blobs").out
    recorded = re.search(r"^VALUE = (.*)$", script, re.MULTILINE).group(1)
    (tmp_path / "train.py").write_text(script.replace(f"VALUE = {recorded}", "VALUE = 0.123"))
    verified = run_script("--data", "blobs.npy", "--verify")
    assert verified.returncode == 1
    assert "NOT verified" in verified.stdout


def test_other_rows_are_not_verified(create_study, work, hpo, run_script, tmp_path):
    work(create_study())
    hpo("export", "blobs", "-o", "train.py")
    write_rows(tmp_path, seed=1)
    refused = run_script("--data", "blobs.npy", "--verify")
    assert refused.returncode == 1
    assert refused.stderr == "blobs.npy: holds other rows than those of the trial\n"


def test_the_script_trains_and_predicts(database, create_study, work, hpo, run_script, tmp_path):
    work(create_study())
    hpo("export", "blobs", "--trial", 1, "-o", "train.py")
    rows = np.load(tmp_path / "blobs.npy")
    np.save(tmp_path / "unlabelled.npy", rows[:7, :-1])
    trained = run_script("--data", "blobs.npy", "--test", "unlabelled.npy", "--out", "out")
    assert trained.returncode == 0, trained.stderr
    with (tmp_path / "out" / "submission.csv").open() as file:
        predicted = [*csv.DictReader(file)]
    assert [int(row["row"]) for row in predicted] == [*range(1, 8)]
    assert {int(row["label"]) for row in predicted} <= {0, 1, 2}
    assert (tmp_path / "out" / "centroids.npy").exists()
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["rows"] == 60
    assert metrics["trial"] == load_study(database, "blobs").study.trials[1].value
    assert "test" not in metrics

    scored = run_script("--data", "blobs.npy", "--test", "blobs.npy", "--out", "out")
    assert re.search(r"^accuracy on blobs.npy: 0\.\d{4}$", scored.stdout, re.MULTILINE)


DATED = """\
import dateutil
import numpy as np


def fit(params, task, X, y, seed):
    return dateutil.__name__


def predict(trained, task, X):
    from PIL import Image

    return np.full(len(X), Image.MAX_IMAGE_PIXELS % 3)


def save(trained, folder):
    return folder
"""


def test_the_packages_of_training_code_are_recorded_and_named(hpo, define):
    define("dated", DATED)
    assert hpo("create", "blobs.toml").err == ""
    assert hpo("worker", "blobs").code == 0
    script = hpo("export", "blobs").out
    for package in ("pillow", "python-dateutil"):  # neither is imported by its own name
        assert f'    "{package}": "{version(package)}",\n' in script
    assert "It needs numpy, pillow, python-dateutil, scikit-learn. How to run it" in script


TYPED = """\
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


class Means:
    def shrunken(self, task) -> Means:
        return self


def fit(params, task, X, y, seed) -> Means:
    return Means().shrunken(task)


def predict(trained: Means, task, X):
    return np.full(len(X), task.classes[0])


def save(trained: Means, folder: Path) -> Path:
    return folder
"""


def test_annotations_that_are_not_evaluated_are_not_in_the_script_either(
    hpo, run_script, tmp_path, define
):
    define("typed", TYPED)
    assert hpo("create", "blobs.toml").err == ""
    assert hpo("worker", "blobs").code == 0
    hpo("export", "blobs", "-o", "train.py")
    verified = run_script("--data", "blobs.npy", "--verify")
    assert verified.returncode == 0, verified.stderr
    script = (tmp_path / "train.py").read_text()
    assert "from __future__ import annotations\n\nimport argparse\n" in script


def test_a_training_module_that_is_no_python_is_named(hpo, define):
    define("broken", "def fit(:\n")
    said = hpo("create", "blobs.toml").err
    assert said.startswith("hpo export will refuse this model: broken or what it imports can't be ")
    assert said.count("\n") == 1


def test_what_can_t_be_exported_is_said_before_the_search(hpo, tmp_path, monkeypatch):
    package = tmp_path / "voting"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from centroid import sampled\n"
        "from hpo.models import Model\n"
        'MODEL = Model(Params=sampled.Params, training="voting.code")\n'
    )
    code = "def vote(rows):\n    return rows\n\ndef {}(*of):\n    return vote(of)\n"
    (package / "code.py").write_text("".join(map(code.format, ("fit", "predict", "save"))))
    monkeypatch.syspath_prepend(tmp_path)
    write_rows(tmp_path)
    write_definition(tmp_path, **{**SAMPLED, "model": "voting:MODEL"})
    said = hpo("create", "blobs.toml")
    assert (said.code, said.out) == (0, "blobs\n")
    assert said.err == (
        "hpo export will refuse this model: voting.code: vote can't stand in a script, "
        "which has its own; rename it\n"
    )
    write_definition(tmp_path, name="plain")
    assert hpo("create", "plain.toml").err == ""
