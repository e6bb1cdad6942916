"""What `make` says on a machine that is not as it needs it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_python_that_is_too_old_is_named_before_anything_is_installed(tmp_path):
    venv, old = tmp_path / "venv", tmp_path / "old"
    pretend = "import sys; sys.version_info = (3, 10, 13); exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{pretend}" "$2"\n')  # for: -c CODE
    new = tmp_path / "python3"
    new.write_text(f'#!/bin/sh\nmkdir -p "$3/bin"\ncp {old} "$3/bin/python"\n')  # for: -m venv DIR
    old.chmod(0o755)
    new.chmod(0o755)
    command = ["make", "UV=", f"VENV={venv}", f"PYTHON={new}", f"{venv}/.runtime"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Python 3.10: hpo needs 3.11 to 3.13; remove {venv} and run ")
    assert not (venv / ".runtime").exists()
