"""Run two small studies, export five trials of each, and let every script verify itself.

    python benchmarks/verify/verify.py

Needs data/digits (`hpo data make data/digits`). Prints a row for each trial; exits with 1 unless
all scripts end with 0.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "data" / "digits" / "train.npy"
TRIALS = 5


def hpo(*arguments: str) -> str:
    """Return what a command prints."""
    command = [sys.executable, "-m", "hpo", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def verify(study: str, number: int, folder: Path) -> int:
    """Print the row of one trial, and give the exit code of its script."""
    script = folder / f"{study}-{number}.py"
    hpo("export", study, "--trial", str(number), "-o", str(script))
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, script, "--data", DATA, "--verify"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    value = next(line for line in done.stdout.splitlines() if line.startswith("value"))
    seconds = time.monotonic() - started
    print(f"| {study} | {number} | {value} | {done.returncode} | {seconds:.0f} s |", flush=True)
    return done.returncode


def main() -> None:
    """Run the studies and verify their trials."""
    codes = []
    print("| study | trial | result | exit code | time |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for study in ("verify-svm", "verify-cnn-simple"):
            hpo("run", str(HERE / f"{study}.toml"))
            assert json.loads(hpo("status", study, "--json"))["counts"]["complete"] == TRIALS
            codes += [verify(study, number, Path(folder)) for number in range(TRIALS)]
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
