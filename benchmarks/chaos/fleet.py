"""The workers: real processes, each replaced by a new one when it dies."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from record import Process

REST = 0.5  # seconds before one that gave up is replaced, as a supervisor does


@dataclass(frozen=True, kw_only=True)
class _Running:
    process: "subprocess.Popen[bytes]"
    begun: float
    log: Path


class Fleet:
    """So many workers at a time; threads may share one."""

    def __init__(
        self, command: Sequence[str], count: int, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._command, self._folder, self._environment = command, folder, environment
        self._lock = RLock()
        self._running: dict[int, _Running] = {}  # by pid
        self._stopped: set[int] = set()
        self._due: list[float] = []  # when those that gave up are replaced
        self.processes: list[Process] = []  # that have ended
        for _ in range(count):
            self._start()

    def pids(self) -> list[int]:
        """Return the workers that run, without those that are stopped."""
        with self._lock:
            return [pid for pid in self._running if pid not in self._stopped]

    def all_left(self) -> bool:
        """Whether all have ended, and none is to be replaced."""
        with self._lock:
            return not self._running and not self._due

    def supervise(self) -> None:
        """Replace those that gave up; who ends well has nothing left to do."""
        with self._lock:
            for pid, running in [*self._running.items()]:
                if running.process.poll() is not None and self._bury(pid, was_killed=False):
                    self._due.append(time.monotonic() + REST)
            for due in [due for due in self._due if due < time.monotonic()]:
                self._due.remove(due)
                self._start()

    def kill(self, pid: int) -> bool:
        """Kill a worker and start another one; False if it had ended or is stopped."""
        with self._lock:
            if not self._runs(pid):
                return False
            self._running[pid].process.kill()
            self._running[pid].process.wait()
            self._bury(pid, was_killed=True)
            self._start()
            return True

    def stop(self, pid: int) -> bool:
        """Stop a worker; False if it had ended or is stopped."""
        with self._lock:
            if not self._runs(pid):
                return False
            os.kill(pid, signal.SIGSTOP)
            self._stopped.add(pid)
            return True

    def go_on(self, pid: int) -> None:
        """Let a stopped worker go on."""
        with self._lock:
            self._stopped.discard(pid)
            if self._runs(pid):
                os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """Kill all that are left."""
        with self._lock:
            self._due.clear()
            for pid, running in [*self._running.items()]:
                running.process.kill()
                running.process.wait()
                self._bury(pid, was_killed=True)

    def _runs(self, pid: int) -> bool:
        running = self._running.get(pid)
        return pid not in self._stopped and running is not None and running.process.poll() is None

    def _start(self) -> None:
        number = len(self.processes) + len(self._running)
        log = self._folder / f"worker-{number}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # a Ctrl-C is ours to deal with
            )
        self._running[process.pid] = _Running(process=process, begun=time.monotonic(), log=log)

    def _bury(self, pid: int, *, was_killed: bool) -> bool:
        """Record the end of a worker, and say whether it gave up."""
        running = self._running.pop(pid)
        lines = running.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        ended = Process(
            pid=pid,
            begun=running.begun,
            ended=time.monotonic(),
            code=running.process.returncode,
            was_killed=was_killed,
            last_words=lines[-1] if lines else "",
        )
        self.processes.append(ended)
        return ended.gave_up
