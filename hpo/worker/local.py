"""Supervising worker processes on this machine: starting, restarting and stopping them."""

import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hpo.errors import INTERRUPTED, HpoError, InputError
from hpo.home import REMEDY
from hpo.worker.restarts import MEANT, crashes_with, wait_after
from hpo.worker.signals import LOOK, StopSignals, stop_signals_wait
from hpo.worker.slots import Slot

MOST_READ = 10_000  # bytes from the end of a log

logger = logging.getLogger(__name__)


@dataclass
class LocalWorker:
    """A slot and the process in it, which is started again some time after a crash."""

    slot: Slot
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts_at: float | None = 0.0  # when to start the next process; None: one runs, or none will
    started_at: float = 0.0
    said_before: int = 0  # bytes of the log that earlier processes wrote
    crashes: int = 0  # in quick succession
    code: int | None = None  # exit code of the last process, if no other will follow
    last_words: str = "it said nothing"

    def poll(self) -> bool:
        """Start the process if it is time, or note its end; return whether one runs, or will."""
        if self.starts_at is not None and time.monotonic() >= self.starts_at:
            self._start()
        elif self.process is not None and (code := self.process.poll()) is not None:
            self._ended(code)
        return self.code is None

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the process, if one runs."""
        if self.process is not None:
            self.process.send_signal(number)  # does nothing if it has ended

    def poll_for_end(self) -> bool:
        """Note the end of the process and start no other; return whether it still runs."""
        self.starts_at = None
        if self.process is None:
            return False
        if (code := self.process.poll()) is not None:
            self.process = None
            logger.info("%s: %s", self.slot.name, how_it_ended(code))
        return code is None

    def _start(self) -> None:
        self.starts_at, self.started_at = None, time.monotonic()
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as file:
                self.said_before = file.tell()
                self.process = subprocess.Popen(
                    [*self.command, *self.slot.options],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    env={**os.environ, **self.slot.environment},
                    start_new_session=True,  # the terminal's Ctrl-C is ours to pass on
                )
        except OSError as error:  # such as a lack of memory, which may pass
            self.last_words = str(error)
            self._crashed(1)
        else:
            logger.info("%s: process %d, log %s", self.slot.name, self.process.pid, self.log)

    def _ended(self, code: int) -> None:
        self.process = None
        self.last_words = self._last_line()
        if code not in MEANT:
            self._crashed(code)
            return
        self.code = code
        said = f": {self.last_words}" if code == InputError.exit_code else ""
        logger.info("%s: %s%s", self.slot.name, how_it_ended(code), said)

    def _crashed(self, code: int) -> None:
        self.crashes = crashes_with(self.crashes, time.monotonic() - self.started_at)
        wait = wait_after(self.crashes, random.random())  # noqa: S311 - no secret
        if wait is None:
            self.code, then = code, f"gave up after {self.crashes} crashes"
        else:
            self.starts_at, then = time.monotonic() + wait, f"starts again in {wait:.0f} s"
        logger.warning(
            "%s: %s, %s: %s (log: %s)",
            self.slot.name,
            how_it_ended(code),
            then,
            self.last_words,
            self.log,
        )

    def _last_line(self) -> str:
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self.said_before, size - MOST_READ))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError as error:  # somebody may have deleted it
            return f"its log can't be read: {error.strerror}"
        return lines[-1] if lines else "it said nothing"


@dataclass(frozen=True)
class LocalWorkers:
    """All workers of a command, and the stop signals that it has received."""

    workers: Sequence[LocalWorker]
    signals: StopSignals = field(default_factory=StopSignals)

    def poll(self) -> bool:
        """Poll each worker; return whether any runs, or will.

        Raises:
            KeyboardInterrupt: a stop signal has come.
        """
        self.signals.answer()
        return any([worker.poll() for worker in self.workers])  # noqa: C419 - each of them

    def end(self) -> None:
        """Tell all workers to hand their trials back, and wait; a stop signal kills them.

        Raises:
            KeyboardInterrupt: a stop signal has come; all have ended by then.
        """
        self._tell(signal.SIGTERM)
        while any([worker.poll_for_end() for worker in self.workers]):  # noqa: C419 - each of them
            if self.signals.come:
                self._tell(signal.SIGKILL)
            time.sleep(LOOK)
        self.signals.answer()

    @property
    def any_finished(self) -> bool:
        """Whether a worker has ended because there was nothing left to do."""
        return any(worker.code == 0 for worker in self.workers)

    def early_end(self) -> HpoError:
        """Return the error to raise where all workers have ended with work left to do."""
        lost = next((worker for worker in self.workers if worker.code != 0), self.workers[0])
        kind = InputError if lost.code == InputError.exit_code else HpoError
        return kind(f"every worker has ended early: {lost.last_words} (log: {lost.log})")

    def _tell(self, number: signal.Signals) -> None:
        for worker in self.workers:
            worker.tell(number)


@contextmanager
def local_workers(
    study: str | None, slots: Sequence[Slot], logs: Path, on_interrupt: Callable[[], None]
) -> Iterator[LocalWorkers]:
    """Start a worker in each slot; however the body ends, all have ended at the end.

    The body must poll them again and again, which raises the stop signals that have come. Then the
    workers are told to hand their trials back after their current steps, and waited for; from the
    call of `on_interrupt` on, another stop signal kills them.
    """
    _make_folder(logs)
    command = [sys.executable, "-m", "hpo", "worker", *([study] if study else [])]
    command += ["--with-parent", str(os.getpid())]
    workers = [LocalWorker(slot, command, logs / f"{slot.name}.log") for slot in slots]
    with stop_signals_wait() as signals:
        started = LocalWorkers(workers, signals)
        try:
            started.poll()
            yield started
        except KeyboardInterrupt:
            signals.come.clear()  # signals count as a second one only after on_interrupt says so
            on_interrupt()
            raise
        finally:
            started.end()


def how_it_ended(code: int) -> str:
    """Describe how a process ended; a negative code is the signal that killed it."""
    meant = {0: "has ended", INTERRUPTED: "was told to stop", InputError.exit_code: "can't work"}
    if code in meant:
        return meant[code]
    if code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"was killed by {names.get(-code, f'signal {-code}')}"
    return f"failed with code {code}"


def _make_folder(logs: Path) -> None:
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HpoError(f"{logs}: {error.strerror}: {REMEDY}") from error
