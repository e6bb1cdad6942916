"""What the objectives write down of their work: one line for each thing that happens.

Any number of processes append to one file; it is read while it grows.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

JOURNAL = "CHAOS_JOURNAL"  # the file; unset: nothing is written down
PAUSE = "CHAOS_PAUSE"  # seconds that each step takes at least
WHOLE = b" ."  # ends a line; a process that is killed as it writes may leave a part of one

Owner = tuple[int, int]
"""A process, by its number and the time of its start: numbers are given again."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that a process did: it took a fold of a trial, began a step of it, or ended it."""

    what: str  # take, begin, end
    pid: int
    born: int  # of the process, in the kernel's ticks
    at: float  # seconds of CLOCK_MONOTONIC, which all processes share
    seed: int  # of the trial: what tells it from the others
    fold: str
    step: int = 0  # within the fold; 0 is not one
    params: Mapping[str, Any] = field(default_factory=dict)  # where it was taken

    @property
    def owner(self) -> Owner:
        """Who did it."""
        return self.pid, self.born


@dataclass(frozen=True, kw_only=True)
class Notes:
    """Writes down how one process trains one fold of one trial."""

    seed: int
    fold: str

    def took(self, params: Mapping[str, Any]) -> None:
        """Note that the training begins or goes on."""
        self._note("take", params=params)

    def begins(self, step: int) -> None:
        """Note that a step begins."""
        self._note("begin", step=step)

    def ends(self, step: int) -> None:
        """Note that a step is computed."""
        self._note("end", step=step)

    @contextmanager
    def step(self, step: int) -> Iterator[None]:
        """Note when the body begins and ends; one that is killed leaves no end."""
        self.begins(step)
        yield
        self.ends(step)

    def _note(self, what: str, **facts: Any) -> None:
        path = os.environ.get(JOURNAL)
        if path is None:
            return
        who = {"pid": os.getpid(), "born": born(os.getpid()), "at": time.monotonic()}
        line = {"what": what, **who, "seed": self.seed, "fold": self.fold, **facts}
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # At once, so lines never mix, and on a line of its own, whatever part stands before it.
            os.write(file, b"\n" + json.dumps(line).encode() + WHOLE + b"\n")
        finally:
            os.close(file)


class Journal:
    """The file as its reader sees it; threads may share one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self._lock = Lock()
        self._read = 0
        self._lines: list[Line] = []

    def lines(self) -> list[Line]:
        """Return all lines until now."""
        with self._lock:
            with self.path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            written = new[: new.rfind(b"\n") + 1]
            self._read += len(written)
            whole = [line for line in written.splitlines() if line.endswith(WHOLE)]
            self._lines += [Line(**json.loads(line.removesuffix(WHOLE))) for line in whole]
            return [*self._lines]


def wait_a_step() -> None:
    """Let a step take its time: what it computes is too quick to be killed in."""
    time.sleep(float(os.environ.get(PAUSE, "0")))


def born(pid: int) -> int:
    """Return when a process was started, in the kernel's ticks."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rpartition(")")[2].split()[19])
