"""A place of its own for a study: a folder, an embedded database, commands."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from waiting import PAUSE

from hpo.storage.database import Database, open_storage

HERE = Path(__file__).parent
ROWS = 60
DEFINITION = """
name = "{name}"
model = "waiting:WAITING"
[data]
train = "rows.npy"
[evaluation]
holdout = 0.5
[space]
share = {{ low = 0.0, high = 1.0 }}
[fixed]
epochs = {epochs}
[pruner]
name = "none"
[budget]
trials = {trials}
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder with rows, and the database that its commands work on."""

    folder: Path
    database: Database
    pause: float  # seconds of a step

    def create(self, name: str, *, epochs: int, trials: int) -> None:
        """Create a study."""
        path = self.folder / f"{name}.toml"
        path.write_text(DEFINITION.format(name=name, epochs=epochs, trials=trials))
        self.hpo("create", path)

    def hpo(self, *arguments: object) -> None:
        """Run a command to its end."""
        if self.start_hpo(*arguments).wait() != 0:
            raise SystemExit(f"failed: hpo {' '.join(map(str, arguments))}")

    def start_hpo(self, *arguments: object) -> "subprocess.Popen[bytes]":
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "hpo", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(HERE), PAUSE: str(self.pause)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def open_place(pause: float) -> Iterator[Place]:
    """Yield a place whose folder is deleted, and whose server is stopped, at the end."""
    with tempfile.TemporaryDirectory(prefix="hpo-workers-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the server's user must enter it where root runs this
        rng = np.random.default_rng(0)
        rows = np.column_stack([rng.random((ROWS, 4)), np.repeat([0, 1], ROWS // 2)])
        np.save(folder / "rows.npy", rows.astype(np.float32))
        os.environ["HPO_HOME"] = str(folder / "home")
        with open_storage(application_name="benchmark") as database:
            yield Place(folder=folder, database=database, pause=pause)
