"""Make, start and stop a Postgres server with the programs that a wheel carries."""

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
PATIENCE = 120  # seconds; recovery after a crash takes its time on a loaded machine
WAIT = ("-w", "-t", PATIENCE)
PORT = 5432  # part of the socket's name
TEMPORARY = "hpo-sockets-"
LONGEST_SOCKET = 103  # bytes that fit into sun_path on macOS; Linux has 107

# Small, for one machine and some dozen workers. Nothing listens but a socket in a private folder.
# Every commit is flushed, as by default: a trial that was told stays told, whatever crashes.
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
    """The server of one folder; the caller sees to it that nobody else starts or stops it."""

    folder: Path
    settings: Mapping[str, object] = field(default_factory=lambda: SETTINGS)

    @property
    def data(self) -> Path:
        """The folder of the database files."""
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        """What the server has to say."""
        return self.data / "server.log"

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        lines = self._pid_lines()
        return len(lines) > 7 and lines[7].strip() == "ready" and _listens(self._socket_folder())

    def url(self) -> URL:
        """Say how to connect to the server, which must run."""
        return URL.create(
            "postgresql+psycopg2",
            username="hpo",
            port=PORT,  # else PGPORT would choose it
            database="postgres",
            query={"host": str(self._socket_folder())},
        )

    def start(self, alive: int) -> None:
        """Start the server, which inherits the file `alive` and keeps it open while it lives."""
        programs = Programs.find(self.folder)
        if not (self.data / "PG_VERSION").exists():
            self._make(programs, alive)
        self._check_version()
        self._clear_after_crash()
        sockets = self._new_socket_folder(programs)
        settings = {**self.settings, "unix_socket_directories": sockets}
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        # Relative paths: pg_ctl puts them into a shell's command between double quotes.
        where = ["-D", "postgres", "-l", "postgres/server.log"]
        if programs.run("pg_ctl", "start", *where, *WAIT, "-o", options, keep=alive):
            _drop_temporary(sockets)
            raise DatabaseError(f"{self.data}: the server did not start: see {self.log}")

    def stop(self) -> None:
        """Stop the server and disconnect whoever is left."""
        sockets = self._socket_folder()
        programs = Programs.find(self.folder)
        stop = ["stop", "-D", "postgres", *WAIT, "-m"]
        if programs.run("pg_ctl", *stop, "fast"):
            programs.run("pg_ctl", *stop, "immediate")
        _drop_temporary(sockets)

    def _make(self, programs: Programs, alive: int) -> None:
        # Renamed when complete: a process killed in between leaves nothing that looks like data.
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
        # The caller knows that none of our servers lives. Postgres itself ignores the pid of a
        # dead process, but neither an empty file nor a pid that another program got since.
        lines = self._pid_lines() or [""]
        if lines[0].isdecimal() and _is_postgres(int(lines[0])):
            return
        _drop_temporary(self._socket_folder())
        for name in ("postmaster.pid", f".s.PGSQL.{PORT}.lock"):
            (self.data / name).unlink(missing_ok=True)

    def _new_socket_folder(self, programs: Programs) -> Path:
        # A comma separates folders, for the server and for its clients.
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
    # Root reads this path from a file of the server's: it must not name anything else.
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
    # Empty for a process that ended but that nobody waited for, as happens in containers.
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
