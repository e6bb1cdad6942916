"""The dashboard of a run: a child process of low priority that ends with the run."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

NICE = 10
PATIENCE = 5.0  # seconds for it to end


@dataclass
class Child:
    """A dashboard process."""

    process: subprocess.Popen[bytes]
    log: Path
    said: bytes = b""
    has_told_link: bool = False
    has_told_end: bool = False

    def news(self) -> str | None:
        """Return a message to print, if there is a new one: the link, or that it has ended."""
        assert self.process.stdout is not None
        if not self.has_told_link:
            self.said += self.process.stdout.read() or b""
            if self.said.endswith(b"\n"):
                self.has_told_link = True
                return f"dashboard: {self.said.decode().strip()}"
        if self.process.poll() is not None and not self.has_told_end:
            self.has_told_end = True
            return f"the dashboard has ended, the run goes on (log: {self.log})"
        return None

    def end(self) -> None:
        """Stop it if it still runs."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def dashboard_beside(study: str, log: Path) -> Iterator[Callable[[], str | None]]:
    """Run a dashboard beside the body; yield a function that returns its news without blocking.

    It listens on port 8080, or a free one if that is taken. If it can't be started, the body runs
    without it.
    """
    command = [sys.executable, "-m", "hpo", "dashboard", study, "--any-port"]
    command += ["--with-parent", str(os.getpid())]
    try:
        with log.open("ab") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                start_new_session=True,  # the terminal's Ctrl-C is for the run
            )
    except OSError as error:  # such as a lack of memory
        told = iter([f"there is no dashboard, the run goes on: {error}"])
        yield lambda: next(told, None)
        return
    with process:
        child = Child(process, log)
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        with suppress(OSError):  # it may have ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, os.nice(0) + NICE)
        try:
            yield child.news
        finally:
            child.end()
