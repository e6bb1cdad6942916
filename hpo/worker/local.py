"""Worker processes on this machine: started, looked after, and ended with one command."""

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

MOST_READ = 10_000  # bytes of a log, which grows for as long as a worker is there

logger = logging.getLogger(__name__)


@dataclass
class LocalWorker:
    """A slot and the process in it; after a crash there comes another one, a little later."""

    slot: Slot
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts_at: float | None = 0.0  # when the next process does; None: one runs, or none will
    started_at: float = 0.0
    said_before: int = 0  # bytes of the log that are not this process's
    crashes: int = 0  # in quick succession
    code: int | None = None  # how the last process ended, where no other will follow
    last_words: str = "it said nothing"

    def poll(self) -> bool:
        """Start a process where it is time, or mourn one; whether one runs here, or will."""
        if self.starts_at is not None and time.monotonic() >= self.starts_at:
            self._start()
        elif self.process is not None and (code := self.process.poll()) is not None:
            self._ended(code)
        return self.code is None

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the process, where one runs."""
        if self.process is not None:
            self.process.send_signal(number)  # which does nothing to one that has ended

    def poll_for_end(self) -> bool:
        """Mourn the process where it has ended, and start no other; whether it still runs."""
        self.starts_at = None
        if self.process is None:
            return False
        if (code := self.process.poll()) is not None:
            self.process = None
            logger.info("%s: %s", self.slot.name, in_words(code))
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
        except OSError as error:  # as where memory is short, which may pass
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
        logger.info("%s: %s%s", self.slot.name, in_words(code), said)

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
            in_words(code),
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
        except OSError as error:  # as where somebody has tidied up
            return f"its log can't be read: {error.strerror}"
        return lines[-1] if lines else "it said nothing"


@dataclass(frozen=True)
class LocalWorkers:
    """All of a command's workers, and what its person wants of them."""

    workers: Sequence[LocalWorker]
    signals: StopSignals = field(default_factory=StopSignals)

    def poll(self) -> bool:
        """Look after each of them; whether any runs, or will.

        Raises:
            KeyboardInterrupt: a stop signal has come.
        """
        self.signals.answer()
        return any([worker.poll() for worker in self.workers])  # noqa: C419 - each of them

    def end(self) -> None:
        """Let them hand their trials back after their current steps, or end at a stop signal.

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
        """Whether one has ended because there was nothing left to do."""
        return any(worker.code == 0 for worker in self.workers)

    def early_end(self) -> HpoError:
        """Return the error to raise where all have ended and there was work left."""
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
    """Start a worker in each slot; however the body ends, none is left at the end.

    The body must look after them, again and again: stop signals wait for that. When one has come,
    the workers are told to hand their trials back after their current steps, and waited for; from
    the call of `on_interrupt` on, another one stops them at once.
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
            signals.come.clear()  # nobody has been told yet that another one would mean haste
            on_interrupt()
            raise
        finally:
            started.end()


def in_words(code: int) -> str:
    """Say how a process ended; a code of less than 0 is the signal that killed it."""
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
