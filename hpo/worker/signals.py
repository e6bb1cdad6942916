"""Stop signals, and how a process answers them."""

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
PATIENCE = 20.0  # seconds to wait for a database that is away when told to stop
FINISHING = "finishing the current steps; Ctrl-C again stops at once"


class Terminated(KeyboardInterrupt):
    """Raised for SIGTERM, after which a process ends in good order."""


@dataclass
class Stop:
    """Whether this process has been told to stop.

    A plain flag, for a signal handler must not wait for a lock that the interrupted code may hold.
    """

    told: bool = False
    by_sigterm: bool = False
    parent: int | None = None  # the process whose end is a request to stop, too
    since: float | None = None  # by time.monotonic(), when `is_pressing` first saw a request

    @property
    def requested(self) -> bool:
        """Whether to hand the trial back and leave."""
        orphaned = self.parent is not None and os.getppid() != self.parent
        return self.told or orphaned

    @property
    def is_pressing(self) -> bool:
        """Whether the request is so old that nothing should be waited for any more."""
        if self.requested and self.since is None:
            self.since = time.monotonic()
        return self.since is not None and time.monotonic() - self.since > PATIENCE

    def request(self) -> None:
        """Tell it to stop."""
        self.told = True

    def wait(self, seconds: float) -> None:
        """Sleep, but wake up when told to stop."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.requested:
            time.sleep(LOOK)


@contextmanager
def on_stop_signal(parent: int | None = None) -> Iterator[Stop]:
    """Turn the first signal into a request to stop and the second into an immediate exit.

    With a parent, further signals are ignored: systemd, for example, signals the whole group of
    processes, and the parent passes its signal on as well. A parent that can't wait kills. After
    the body a process with a parent ignores stop signals, since Python restores the default
    handlers some time before the process ends, and a signal would then kill it.
    """
    stop = Stop(parent=parent)

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.told and parent is None:
            os._exit(INTERRUPTED)  # while native code runs, no Python clean-up would get its turn
        if parent is None:
            with suppress(OSError):  # not sys.stderr: a handler must not wait for a stream's lock
                os.write(2, f"{FINISHING}\n".encode())
        stop.by_sigterm = stop.by_sigterm or number == signal.SIGTERM
        stop.request()

    with _handled_by(handle, afterwards=None if parent is None else signal.SIG_IGN):
        yield stop


@dataclass(frozen=True)
class StopSignals:
    """Stop signals that have come, to be raised where the code can bear it.

    An exception raised by a handler may interrupt the code anywhere. Inside `Popen.poll` it would
    leave a lock taken, and waiting for that process would never end.
    """

    come: list[type[KeyboardInterrupt]] = field(default_factory=list)

    def answer(self) -> None:
        """Raise the first one that has come, if any."""
        if self.come:
            raise self.come.pop(0)


@contextmanager
def stop_signals_wait() -> Iterator[StopSignals]:
    """Collect the stop signals that come while the body runs, for the body to raise them."""
    signals = StopSignals()

    def handle(number: int, _frame: FrameType | None) -> None:
        signals.come.append(_exception_of(number))

    with _handled_by(handle):
        yield signals


def interrupt_on_stop_signals() -> None:
    """Let every stop signal raise KeyboardInterrupt, and SIGTERM its subclass Terminated."""

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
    """Install a handler for stop signals while the body runs; then `afterwards`, or the old one."""
    before = {number: signal.signal(number, handle) for number in _heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if afterwards is None else afterwards)


def _heeded() -> list[signal.Signals]:
    """Return the stop signals that this process does not ignore, as it does under nohup."""
    return [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
