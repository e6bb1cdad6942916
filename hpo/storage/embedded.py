"""The embedded server: one per data folder, started by the first process, stopped by the last.

Three files in the folder are locked with flock, which the kernel releases when a process ends:

- gate   held exclusively while a process joins or leaves, so that only one does at a time.
- users  held shared by each process that uses the server. A leaving process tries to lock it
         exclusively, behind the gate; only the last one can, and it then stops the server.
- alive  held exclusively by the server itself, whose processes inherit the open file. A process
         that can lock it knows that no server runs, whatever postmaster.pid says.

A killed process therefore never counts as a user. If it was the last one, the server runs until
the next one leaves; if it was just starting the server, the next one waits until `alive` is free or
the server answers.
"""

import atexit
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from hpo.errors import DatabaseError
from hpo.home import REMEDY
from hpo.storage.file_lock import FileLock, open_lock
from hpo.storage.postgres import PATIENCE, Postgres


class EmbeddedServer:
    """One process's use of a folder's server, until `close` or the end of the interpreter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres = Postgres(folder=folder)
        with _file_errors(folder):
            _make_folder(folder)
            self._users: FileLock | None = self._join()
        self.url = self._postgres.url()
        atexit.register(self.close)

    def close(self) -> None:
        """Leave the server, and stop it unless another process uses it."""
        users, self._users = self._users, None
        if users is None:
            return
        atexit.unregister(self.close)
        with _file_errors(self._folder):
            self._leave(users)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _join(self) -> FileLock:
        with self._gate():
            self._wait_for_answer()
            users = FileLock(self._folder / "users")
            users.share()
            return users

    def _leave(self, users: FileLock) -> None:
        try:
            with self._gate():
                if users.try_take() and not self._is_dead():
                    self._postgres.stop()
        finally:
            users.close()

    @contextmanager
    def _gate(self) -> Iterator[None]:
        with open_lock(self._folder / "gate") as gate:
            gate.take()
            yield

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._postgres.answers():
            self._start_unless_alive()
            if time.monotonic() > deadline:
                log = self._postgres.log
                raise DatabaseError(f"{self._folder}: the server does not answer: see {log}")

    def _start_unless_alive(self) -> None:
        with open_lock(self._folder / "alive") as alive:
            if alive.try_take():
                self._postgres.start(alive.fileno())
                return
        time.sleep(0.02)

    def _is_dead(self) -> bool:
        with open_lock(self._folder / "alive") as alive:
            return alive.try_take()


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)  # root's server is another user


@contextmanager
def _file_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        raise DatabaseError(f"{where}: {error.strerror}: {REMEDY}") from error
