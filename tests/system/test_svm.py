"""The main job on a small SVM study, command by command, on the embedded database."""

import json

import pytest
from blobs import write_definition
from shell import end

from hpo.storage.postgres import Postgres

SVM = {
    "name": "svm",
    "model": "svm",
    "data": {"train": "digits/train.npy", "shape": [28, 28, 1], "range": [0, 1]},
    "evaluation": {"holdout": 0.3},
    "space": {
        "components": {"low": 5, "high": 30},
        "C": {"low": 0.1, "high": 100, "log": True},
        "kernel": ["rbf", "linear"],
        "gamma": {"low": 0.001, "high": 0.1, "log": True},
    },
    "fixed": {"whiten": False},
    "pruner": {"name": "asha"},
    "budget": {"trials": 6},
}


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_from_digits_to_a_verified_script(embedded_shell, home_folder):
    shell = embedded_shell
    made = shell.hpo("data", "make", "digits", "--train", 300, "--test", 100)
    assert made.stdout.endswith("/digits\n")
    assert "300" in shell.hpo("data", "check", "digits/train.npy", "--range", 0, 1).stdout

    write_definition(shell.folder, **SVM)
    assert shell.hpo("create", "svm.toml").stdout == "svm\n"
    assert json.loads(shell.hpo("status", "svm", "--json").stdout)["state"] == "new"
    worked = shell.hpo("worker", "svm")
    assert worked.stdout == ""
    assert "trial 0: {'components': " in worked.stderr

    shown = json.loads(shell.hpo("status", "svm", "--json").stdout)
    counts, best = shown["counts"], shown["best"]
    assert shown["state"] == "finished"
    assert counts["complete"] + counts["pruned"] == 6
    assert 0.3 < best["value"] <= 1  # 0.1 is chance
    assert {"components", "C", "kernel"} <= set(best["params"]) <= set(SVM["space"])

    assert shell.hpo("export", "svm", "-o", "train.py").stdout == "train.py\n"
    verified = end(shell.start("train.py", "--data", "digits/train.npy", "--verify"))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    said = verified.stdout.splitlines()[-2:]
    assert said[0].startswith(f"recorded {best['value']} with ")
    assert said[0].endswith(", tolerance 0")
    assert said[1] == "verified"
    assert not Postgres(folder=home_folder).answers()  # the last one has stopped it
