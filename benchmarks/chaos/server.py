"""A Postgres server that listens on a port, made of the wheel's programs, and can be crashed."""

import os
import shlex
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hpo.storage.programs import Programs

USER = DATABASE = "postgres"
PATIENCE = 120
HOST = "127.0.0.1"
WAIT = ("-w", "-t", PATIENCE)


@dataclass(frozen=True, kw_only=True)
class Server:
    """The server of one folder, which its user must be able to enter."""

    folder: Path
    port: int

    def url(self, port: int | None = None) -> str:
        """Say how to reach it, perhaps through another port."""
        return f"postgresql+psycopg2://{USER}@{HOST}:{port or self.port}/{DATABASE}"

    def make(self) -> None:
        """Make the database's files."""
        programs = Programs.find(self.folder)
        programs.make_folder(self.data)
        flags = [f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--no-locale"]
        _demand(programs.run("initdb", "-D", self.data, *flags))

    def start(self) -> None:
        """Start it; after a crash the processes that are left must end first."""
        settings = {"listen_addresses": HOST, "port": self.port, "unix_socket_directories": ""}
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        programs = Programs.find(self.folder)
        where = ["-D", "data", "-l", "data/server.log", *WAIT, "-o", options]
        deadline = time.monotonic() + PATIENCE
        while failure := programs.run("pg_ctl", "start", *where):
            if time.monotonic() > deadline:
                raise RuntimeError(failure)
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it and disconnect everyone, as an administrator does."""
        programs = Programs.find(self.folder)
        _demand(programs.run("pg_ctl", "stop", "-D", "data", *WAIT, "-m", "fast"))

    def crash(self) -> None:
        """Kill its first process; the others notice and go, and nothing is put in order."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        with suppress(OSError):
            while True:
                with socket.create_connection((HOST, self.port), timeout=1):
                    time.sleep(0.02)

    @property
    def data(self) -> Path:
        """The folder of the database's files."""
        return self.folder / "data"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def _demand(failure: str) -> None:
    if failure:
        raise RuntimeError(failure)
