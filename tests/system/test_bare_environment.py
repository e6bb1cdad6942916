"""The whole job for an SVM and a CNN, and their scripts where neither hpo nor Optuna is."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from blobs import write_definition

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

COMMON = {
    "data": {"train": "digits/train.npy", "shape": [28, 28, 1], "range": [0, 1]},
    "evaluation": {"folds": 3},
    "pruner": {"name": "none"},
    "budget": {"trials": 2},
}
SVM = {
    "name": "small-svm",
    "model": "svm",
    "space": {"C": {"low": 0.1, "high": 100, "log": True}, "gamma": [0.01, 0.05]},
    "fixed": {"components": 20, "whiten": True, "kernel": "rbf"},
}
CNN = {
    "name": "small-cnn",
    "model": "cnn",
    "space": {"dropout": {"low": 0.0, "high": 0.5}, "optimizer": ["adam", "nadam"]},
    "fixed": {"blocks": 1, "dense_units": 16, "batch_size": 32, "epochs": 2},
}
NEEDS = {"small-svm": ["numpy", "scikit-learn"], "small-cnn": ["numpy", "keras", "tensorflow"]}
NEEDS["small-cnn"].append("scikit-learn")  # splits and metrics


def closure(names):
    """Return distributions with all that they require, by name."""
    found, waiting = {}, [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            try:
                found[name] = distribution(name)
            except PackageNotFoundError:  # required on other systems
                continue
            required = [r for r in found[name].requires or () if "extra ==" not in r]
            waiting += [re.match(r"[\w.-]+", r).group() for r in required]
    return found


def make_environment(folder, names):
    """Make a virtual environment with links to these packages and to nothing else of ours."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for found in closure(names).values():
        tops = {file.parts[0] for file in found.files} - {"..", "__pycache__", "bin"}
        for top in tops:
            link = site / top
            if not link.is_symlink():
                link.symlink_to(Path(found.locate_file(top)))
    return folder / "bin" / "python"


def run_bare(python, *arguments, folder):
    return subprocess.run(
        [python, *map(str, arguments)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("study", [SVM, CNN], ids=["svm", "cnn"])
def test_the_script_verifies_where_neither_hpo_nor_optuna_is(embedded_shell, tmp_path, study):
    shell, name = embedded_shell, study["name"]
    shell.hpo("data", "make", "digits", "--train", 450, "--test", 100)
    write_definition(shell.folder, **COMMON, **study)
    searched = shell.hpo("run", f"{name}.toml", "--workers", 2, "--no-dashboard")
    assert "trials  complete 2" in searched.stdout
    shell.hpo("export", name, "-o", "train.py")

    python = make_environment(tmp_path / "bare", NEEDS[name])
    absent = ["hpo", "optuna", "sqlalchemy", "click", *(["keras"] if name == "small-svm" else [])]
    for package in absent:
        imported = run_bare(python, "-c", f"import {package}", folder=tmp_path)
        assert "ModuleNotFoundError" in imported.stderr
    files = ("--data", "digits/train.npy")
    verified = run_bare(python, "train.py", *files, "--verify", folder=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.endswith("tolerance 0\nverified\n")
    # TensorFlow greets on stderr before it reads any setting.
    assert not re.search(r"Traceback|Error|Warning|retracing", verified.stderr)
    trained = run_bare(python, "train.py", *files, "--test", "digits/test.npy", folder=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert re.search(r"^accuracy on digits/test.npy: 0\.\d{4}$", trained.stdout, re.MULTILINE)
