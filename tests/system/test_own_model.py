"""The example of docs/own-model.md, as a reader would try it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine

PAGE = Path(__file__).parents[2] / "docs" / "own-model.md"


@pytest.fixture
def folder(tmp_path):
    """The files of the page, and the wine data as a table with a header."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (_, forest), (_, model), (_, definition) = blocks
    (tmp_path / "wine").mkdir()
    (tmp_path / "wine" / "forest.py").write_text(forest)
    (tmp_path / "wine" / "model.py").write_text(model)
    (tmp_path / "wine.toml").write_text(definition)
    wine = load_wine()
    rows = np.column_stack([wine.target, wine.data])
    header = ",".join(["class", *wine.feature_names])
    np.savetxt(tmp_path / "wine.csv", rows, delimiter=",", header=header, comments="")
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_example_of_the_page_runs_and_verifies(folder, database_url):
    environment = {**os.environ, "HPO_DATABASE_URL": database_url}

    def run(*command):
        return subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    searched = run("-m", "hpo", "run", "wine.toml", "--workers", "2", "--no-dashboard")
    assert searched.returncode == 0, searched.stderr
    assert "finished" in searched.stdout
    exported = run("-m", "hpo", "export", "wine", "-o", "train.py")
    assert exported.returncode == 0, exported.stderr
    verified = run("train.py", "--data", "wine.csv", "--verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "verified" in verified.stdout
    script = (folder / "train.py").read_text()
    assert "import hpo" not in script
    assert "from hpo" not in script
    assert "from wine" not in script
