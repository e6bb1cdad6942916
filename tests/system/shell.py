"""Real `hpo` processes, as a person starts them in a folder, and what they leave behind."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text

from hpo.device import KERNELS
from hpo.errors import StudyError
from hpo.storage.database import Database
from hpo.storage.keys import OWNER
from hpo.study import load_study

TESTS = Path(__file__).parents[1]  # where the package centroid is
MARK = "MARK_OF_TEST"
CHOSEN = ("TF_CPP_MIN_LOG_LEVEL", KERNELS)  # for TensorFlow in the tests' own process
T = TypeVar("T")


def _outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in CHOSEN}


@dataclass
class Shell:
    """Runs commands in a folder; every process that comes of them carries a mark."""

    folder: Path
    environment: dict[str, str]
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        """Start a command in a group of its own, as a terminal does."""
        return subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env={**_outside(), "PYTHONPATH": str(TESTS), **self.environment, MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def start_hpo(self, *arguments: object) -> "subprocess.Popen[str]":
        return self.start("-m", "hpo", *arguments)

    def hpo(self, *arguments: object, code: int = 0) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, which must be this code; the screen stays free of noise."""
        process = self.start_hpo(*arguments)
        ended = end(process)
        assert ended.returncode == code, ended.stderr
        for noise in ("tensorflow", "onednn", "absl", "initialize backend", "traceback"):
            assert noise not in ended.stderr.lower(), ended.stderr
        return ended

    def left(self) -> list[int]:
        """Return the processes that still run, children and orphans, too."""
        wanted = f"{MARK}={self.mark}".encode()
        return [pid for pid in _pids() if wanted in _environment(pid).split(b"\0")]


def end(process: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
    """Wait for a process and give what it printed."""
    out, err = process.communicate(timeout=200)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _pids() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal()]


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()  # empty for one that ended
    except OSError:
        return b""


@dataclass
class Watch:
    """Looks at a study in the database while others work on it."""

    database: Database
    name: str = "blobs"

    def trials(self) -> list[FrozenTrial]:
        """Return its trials; none while nobody has created it."""
        try:
            return load_study(self.database, self.name).study.get_trials(deepcopy=False)
        except StudyError:
            return []

    def states(self) -> list[str]:
        return [trial.state.name.lower() for trial in self.trials()]

    def count(self, query: str) -> int:
        """Return what a query counts."""
        with self.database.engine.connect() as connection:
            return int(connection.scalar(text(query)) or 0)

    def owners(self) -> list[int]:
        """Return the processes that have a trial now."""
        running = [t for t in self.trials() if t.state is TrialState.RUNNING]
        return [int(trial.system_attrs[OWNER].split(":")[1]) for trial in running]

    def let_time_pass(self, owner: int) -> None:
        """Let an hour pass since the last heartbeats of a process."""
        with self.database.engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE trial_heartbeats SET heartbeat = heartbeat - interval '1 hour' "
                    "FROM trial_system_attributes a WHERE a.trial_id = trial_heartbeats.trial_id "
                    "AND a.key = 'hpo:owner' AND a.value_json LIKE :owner"
                ),
                {"owner": f"%:{owner}:%"},
            )


def until(condition: Callable[[], T], seconds: float = 60) -> T:
    """Wait until something is the case, and give it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
    return found
