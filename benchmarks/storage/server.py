"""A Postgres server, made of the wheel's programs as hpo makes its own, with databases to copy."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, text

from hpo.storage.postgres import SETTINGS, Postgres

CONNECTIONS = 300  # 64 workers of plain Optuna need two each


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs."""

    main: URL

    def url(self, database: str) -> URL:
        """Say how to reach a database."""
        return self.main.set(database=database)

    def create(self, database: str) -> None:
        """Create an empty database."""
        self._do(f"CREATE DATABASE {database}")

    @contextmanager
    def copied(self, database: str) -> Iterator[URL]:
        """Yield a copy of a database that nobody is connected to, with counters that are at 0."""
        self._do(f"CREATE DATABASE copy TEMPLATE {database}")
        self._do("CHECKPOINT")  # none of its costs are the workers'
        try:
            yield self.url("copy")
        finally:
            self._do("DROP DATABASE copy WITH (FORCE)")

    def _do(self, statement: str) -> None:
        with connected(self.main) as connection:
            connection.execute(text(statement))


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run a server in a folder that its user can enter."""
    postgres = Postgres(folder=folder, settings=SETTINGS | {"max_connections": CONNECTIONS})
    with (folder / "alive").open("wb") as alive:
        postgres.start(alive.fileno())
    try:
        yield Server(main=postgres.url())
    finally:
        postgres.stop()


@contextmanager
def connected(url: URL) -> Iterator[Connection]:
    """Connect for statements that are committed one by one."""
    engine: Engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def scalar(connection: Connection, statement: str) -> Any:
    """Return the one value that a statement asks for."""
    return connection.execute(text(statement)).scalar_one()
