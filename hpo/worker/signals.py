"""Being told to stop."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

from hpo.errors import INTERRUPTED

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK = 0.1  # seconds
PATIENCE = 20.0  # seconds, for a database that is away while a trial is to be handed back
FINISHING = "finishing the current steps; Ctrl-C again stops at once"


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a process in good order, where Ctrl-C interrupts it."""


@dataclass
class Stop:
    """Whether this process has been told to stop.

    A plain flag: a signal's handler that waited for a lock could wait for the code below it.
    """

    told: bool = False
    by_sigterm: bool = False
    parent: int | None = None  # the process whose end means stop, too
    since: float | None = None  # by time.monotonic(), when that was first seen

    @property
    def requested(self) -> bool:
        """Whether it is time to hand the trial back and leave."""
        orphaned = self.parent is not None and os.getppid() != self.parent
        return self.told or orphaned

    @property
    def is_pressing(self) -> bool:
        """Whether so much time has passed since then that nothing is to be waited for."""
        if self.requested and self.since is None:
            self.since = time.monotonic()
        return self.since is not None and time.monotonic() - self.since > PATIENCE

    def request(self) -> None:
        """Tell it to stop."""
        self.told = True

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond being told to stop."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.requested:
            time.sleep(LOOK)


@contextmanager
def on_stop_signal(parent: int | None = None) -> Iterator[Stop]:
    """Turn the first signal into a request and the second into an exit at once.

    With a parent the second one says nothing new: whoever tells a whole group of processes, as
    systemd does, tells the parent, too, which passes it on. A parent in haste kills. After the body
    it hears of none: such a process is about to end, and Python lets go of its handlers well before
    that, from when on a signal would kill it.
    """
    stop = Stop(parent=parent)

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.told and parent is None:
            os._exit(INTERRUPTED)  # native code may hold the process: no clean-up would get a turn
        if parent is None:
            with suppress(OSError):
                os.write(
                    2, f"{FINISHING}\n".encode()
                )  # a handler must not wait for a stream's lock
        stop.by_sigterm = stop.by_sigterm or number == signal.SIGTERM
        stop.request()

    with _handled_by(handle, afterwards=None if parent is None else signal.SIG_IGN):
        yield stop


@dataclass(frozen=True)
class StopSignals:
    """Stop signals that have come, and wait for an answer where the code can bear one.

    An exception out of a handler may come between any two steps of the code below it. Inside
    `Popen.poll` it leaves a lock taken, and who waits for that process then waits for ever.
    """

    come: list[type[KeyboardInterrupt]] = field(default_factory=list)

    def answer(self) -> None:
        """Raise the first one that has come, if any."""
        if self.come:
            raise self.come.pop(0)


@contextmanager
def stop_signals_wait() -> Iterator[StopSignals]:
    """Keep stop signals, while the body takes, for the body to answer them."""
    signals = StopSignals()

    def handle(number: int, _frame: FrameType | None) -> None:
        signals.come.append(_exception_of(number))

    with _handled_by(handle):
        yield signals


def interrupt_on_stop_signals() -> None:
    """Let every stop signal raise KeyboardInterrupt, as Ctrl-C does, or its Terminated."""

    def handle(number: int, _frame: FrameType | None) -> None:
        raise _exception_of(number)

    for number in _heeded():
        signal.signal(number, handle)


def _exception_of(number: int) -> type[KeyboardInterrupt]:
    return Terminated if number == signal.SIGTERM else KeyboardInterrupt


@contextmanager
def _handled_by(
    handle: Callable[[int, FrameType | None], None], afterwards: signal.Handlers | None = None
) -> Iterator[None]:
    """Let a function handle the stop signals while the body takes; afterwards what did before."""
    before = {number: signal.signal(number, handle) for number in _heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if afterwards is None else afterwards)


def _heeded() -> list[signal.Signals]:
    """Return the stop signals that nobody above told this process to ignore, as nohup does."""
    return [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
