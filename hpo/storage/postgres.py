"""Creating, starting and stopping a Postgres server with the programs of a wheel."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from hpo.errors import DatabaseError
from hpo.storage.programs import Programs

VERSION = "18"
PATIENCE = 120  # seconds; recovery after a crash is slow on a loaded machine
WAIT = ("-w", "-t", PATIENCE)
PORT = 5432  # part of the socket's name
TEMPORARY = "hpo-sockets-"
LONGEST_SOCKET = 103  # bytes that fit into sun_path on macOS; Linux has 107

# For one machine and a few dozen workers. It listens only on a socket in a private folder. Commits
# are flushed, as by default: what a trial has reported survives any crash.
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "max_connections": 100,
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": 0,  # the cores are for training
}


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """The server of one folder; the caller ensures that nobody else starts or stops it."""

    folder: Path
    settings: Mapping[str, object] = field(default_factory=lambda: SETTINGS)

    @property
    def data(self) -> Path:
        """The folder of the database files."""
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.data / "server.log"

    def answers(self) -> bool:
        """Whether the server accepts connections."""
        lines = self._pid_lines()
        return len(lines) > 7 and lines[7].strip() == "ready" and _listens(self._socket_folder())

    def url(self) -> URL:
        """Return the URL of the server, which must run."""
        return URL.create(
            "postgresql+psycopg2",
            username="hpo",
            port=PORT,  # else PGPORT would choose it
            database="postgres",
            query={"host": str(self._socket_folder())},
        )

    def start(self, alive: int) -> None:
        """Start the server, which inherits the file descriptor `alive` and keeps it open.

        Raises:
            DatabaseError: it did not start.
        """
        programs = Programs.find(self.folder)
        if not (self.data / "PG_VERSION").exists():
            self._make(programs, alive)
        self._check_version()
        self._clear_after_crash()
        sockets = self._new_socket_folder(programs)
        settings = {**self.settings, "unix_socket_directories": sockets}
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        # Relative paths, since pg_ctl puts them between double quotes into a shell command.
        where = ["-D", "postgres", "-l", "postgres/server.log"]
        if programs.run("pg_ctl", "start", *where, *WAIT, "-o", options, keep=alive):
            _drop_temporary(sockets)
            raise DatabaseError(f"{self.data}: the server did not start: see {self.log}")

    def stop(self) -> None:
        """Stop the server, and disconnect any client."""
        sockets = self._socket_folder()
        programs = Programs.find(self.folder)
        stop = ["stop", "-D", "postgres", *WAIT, "-m"]
        if programs.run("pg_ctl", *stop, "fast"):
            programs.run("pg_ctl", *stop, "immediate")
        _drop_temporary(sockets)

    def _make(self, programs: Programs, alive: int) -> None:
        # Renamed when complete, so that a killed process leaves nothing that looks like a database.
        half = self.folder / "postgres.new"
        shutil.rmtree(half, ignore_errors=True)
        programs.make_folder(half)
        flags = ["--username=hpo", "--auth=trust", "--encoding=UTF8", "--no-locale"]
        failure = programs.run("initdb", "-D", half, *flags, keep=alive)
        if failure:
            raise DatabaseError(f"{self.data}: the database could not be made: {failure}")
        half.rename(self.data)

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != VERSION:
            raise DatabaseError(
                f"{self.data}: made by PostgreSQL {found}, but this hpo carries {VERSION}: "
                "set HPO_HOME to another folder"
            )

    def _clear_after_crash(self) -> None:
        # The caller knows that no server of hpo's runs. Postgres itself ignores the pid of a dead
        # process, but not an empty file, nor a pid that another program has since.
        lines = self._pid_lines() or [""]
        if lines[0].isdecimal() and _is_postgres(int(lines[0])):
            return
        _drop_temporary(self._socket_folder())
        for name in ("postmaster.pid", f".s.PGSQL.{PORT}.lock"):
            (self.data / name).unlink(missing_ok=True)

    def _new_socket_folder(self, programs: Programs) -> Path:
        # To the server and its clients a comma separates folders.
        if len(os.fsencode(_socket_in(self.data))) <= LONGEST_SOCKET and "," not in str(self.data):
            return self.data
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY))
        programs.make_folder(folder)
        return folder

    def _socket_folder(self) -> Path:
        lines = self._pid_lines()
        return Path(lines[4]) if len(lines) > 4 else self.data

    def _pid_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []


def _drop_temporary(sockets: Path) -> None:
    # Root reads this path from a file that the server's user can write: it must not delete others.
    if sockets.name.startswith(TEMPORARY) and sockets.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(sockets, ignore_errors=True)


def _socket_in(folder: Path) -> str:
    return str(folder / f".s.PGSQL.{PORT}")


def _listens(folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(_socket_in(folder)) == 0


def _is_postgres(pid: int) -> bool:
    if sys.platform == "linux":
        return "postgres" in _command_line(pid)
    ps = ["ps", "-p", str(pid), "-o", "comm="]
    return "postgres" in subprocess.run(ps, stdout=subprocess.PIPE, text=True, check=False).stdout


def _command_line(pid: int) -> str:
    # Empty for a zombie, as left in containers without an init process.
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
