"""Worker processes on this machine, for as long as one command runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hpo.errors import HpoError


@dataclass(frozen=True)
class LocalWorker:
    """One worker process and where its log goes."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    @property
    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextmanager
def local_workers(study: str, count: int, logs: Path) -> Iterator[Sequence[LocalWorker]]:
    """Start workers on a study; however the body ends, none is left at the end.

    A body that is interrupted tells them to hand their trials back after their current steps, and
    waits for that; interrupted again, they stop at once.
    """
    _make_folder(logs)
    workers: list[LocalWorker] = []
    with ExitStack() as stack:
        stack.callback(_kill, workers)
        try:
            workers.extend(_start(study, logs / f"worker-{n}.log") for n in range(1, count + 1))
            yield workers
        finally:
            _tell(workers, signal.SIGTERM)
            _wait(workers)


def _make_folder(logs: Path) -> None:
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HpoError(
            f"{logs}: {error.strerror}: set HPO_HOME to a folder that you can write"
        ) from error


def _start(study: str, log: Path) -> LocalWorker:
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "hpo", "worker", study, "--with-parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # the terminal's Ctrl-C is ours to pass on
        )
    return LocalWorker(process, log)


def _tell(workers: Sequence[LocalWorker], number: signal.Signals) -> None:
    for worker in workers:
        if worker.runs:
            worker.process.send_signal(number)


def _wait(workers: Sequence[LocalWorker]) -> None:
    for worker in workers:
        worker.process.wait()


def _kill(workers: Sequence[LocalWorker]) -> None:
    _tell(workers, signal.SIGKILL)
    _wait(workers)
