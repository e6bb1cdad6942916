"""Being told to stop."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130


@dataclass(frozen=True)
class Stop:
    """Whether this process has been told to stop."""

    told: Event = field(default_factory=Event)
    parent: int | None = None  # the process whose end means stop, too

    @property
    def requested(self) -> bool:
        """Whether it is time to hand the trial back and leave."""
        orphaned = self.parent is not None and os.getppid() != self.parent
        return self.told.is_set() or orphaned

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond being told to stop."""
        self.told.wait(seconds)


@contextmanager
def on_stop_signal(parent: int | None = None) -> Iterator[Stop]:
    """Turn the first signal into a request and the second into an exit at once."""
    stop = Stop(parent=parent)

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.told.is_set():
            os._exit(INTERRUPTED)  # native code may hold the process: no clean-up would get a turn
        stop.told.set()

    before = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
