"""Opening the database: a checked URL, a small pool, Optuna's storage, locks by name."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError

from hpo.errors import DatabaseError, InputError
from hpo.home import home
from hpo.storage.contact import Contact
from hpo.storage.embedded import EmbeddedServer
from hpo.storage.failures import NO_TABLES, URL_VARIABLE, database_errors
from hpo.storage.records import Records

DRIVER = "postgresql+psycopg2"
ACCEPTED = ("postgresql", "postgres", DRIVER)
EXAMPLE = "postgresql://user:password@host:5432/database"
KEY_PASSWORD = "sslpassword"  # noqa: S105 - libpq's parameter for the client key's password
PASSWORD_FILE = "HPO_DATABASE_PASSWORD_FILE"  # noqa: S105 - a variable's name

SESSION = "-c timezone=UTC -c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000"


@dataclass(frozen=True, kw_only=True)
class Database:
    """An open database: `storage` for Optuna, `engine` for hpo's own statements."""

    url: URL = field(repr=False)
    storage: BaseStorage  # with Optuna's cache
    records: Records  # the storage behind the cache
    contact: Contact = field(default_factory=Contact, repr=False)

    def with_own_cache(self) -> "Database":
        """Return this database with another cache of trials, which goes when nobody needs it."""
        records = self.records.with_own_cache()
        return replace(self, storage=get_storage(records), records=records)

    @property
    def address(self) -> str:
        """The URL without passwords, to be printed."""
        return self.url.difference_update_query([KEY_PASSWORD]).render_as_string()

    @property
    def engine(self) -> Engine:
        """The pool of connections that the storage and the locks share."""
        return self.records.engine


def parse_url(given: str) -> URL:
    """Check a database URL and set its driver: without one SQLAlchemy would take psycopg 3.

    Raises:
        InputError: it is not the URL of a Postgres database.
    """
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        # The cause is dropped: it would show a part of the URL, perhaps of the password.
        raise InputError(f"{URL_VARIABLE}: not a database URL: write it as {EXAMPLE}") from None
    if url.drivername not in ACCEPTED:
        raise InputError(
            f"{URL_VARIABLE}: {url.drivername} is not supported: write it as {EXAMPLE}"
        )
    if "@" in (url.host or ""):
        raise InputError(f"{URL_VARIABLE}: write an @ in the password as %40")
    return _hide_password(url.set(drivername=DRIVER))


@contextmanager
def database_url(given: str | None = None) -> Iterator[URL]:
    """Yield the URL that was passed or is set, else that of the embedded server, started for it."""
    if given:
        yield parse_url(given)
        return
    if chosen := os.environ.get(URL_VARIABLE):
        yield _with_password(parse_url(chosen))
        return
    with EmbeddedServer(home()) as server:
        create_tables(server.url)
        yield server.url


@contextmanager
def open_storage(*, application_name: str, url: str | URL | None = None) -> Iterator[Database]:
    """Open the database for this process; except on the embedded server, its tables must exist.

    Raises:
        DatabaseError: it can't be reached, or has no tables or those of another version.
    """
    with nullcontext(url) if isinstance(url, URL) else database_url(url) as checked:
        records = _open_records(checked, application_name)
        try:
            yield Database(url=checked, storage=get_storage(records), records=records)
        finally:
            records.engine.dispose()


def create_tables(url: URL) -> None:
    """Create Optuna's tables unless they exist; several processes may do so at once."""
    settings = {"poolclass": NullPool, "connect_args": _connect_args(url, "hpo-tables")}
    with database_errors(), create_engine(url, **settings).begin() as connection:
        if _has_tables(connection):
            return
        _lock(connection, "tables")
        if not _has_tables(connection):
            RDBStorage(_plain(url), engine_kwargs=settings).engine.dispose()


@contextmanager
def study_lock(database: Database, name: str) -> Iterator[Connection]:
    """Lock a study by name against all other processes; the body must end within a minute.

    A transaction holds the lock, so it is released when its process dies; its connection is
    yielded. What Optuna does in the body uses another connection of the pool, and is committed
    earlier. Locking the same name again in the body is a deadlock.
    """
    with database_errors(), database.engine.begin() as connection:
        _lock(connection, f"study {name}")
        yield connection


def _open_records(url: URL, application_name: str) -> Records:
    settings = _engine_settings(url, application_name)
    _require_tables(url, settings["connect_args"])
    with database_errors(), _schema_errors():
        return Records(_plain(url), engine_kwargs=settings, skip_table_creation=True)


@contextmanager
def _schema_errors() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise DatabaseError(
            "the tables were made by another version of Optuna: use the hpo that made them, "
            "or run `optuna storage upgrade`"
        ) from error


def _require_tables(url: URL, connect_args: dict[str, Any]) -> None:
    engine = create_engine(url, poolclass=NullPool, connect_args=connect_args)
    with database_errors(), engine.connect() as connection:
        if not _has_tables(connection):
            raise DatabaseError(NO_TABLES)


def _has_tables(connection: Connection) -> bool:
    # Optuna creates Alembic's table last.
    return bool(connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")))


def _lock(connection: Connection, name: str) -> None:
    digest = hashlib.sha256(f"hpo {name}".encode()).digest()
    key = int.from_bytes(digest[:8], signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _engine_settings(url: URL, application_name: str) -> dict[str, Any]:
    # A worker needs one connection, and at times another for its heartbeat or a lock that it holds.
    return {
        "pool_size": 1,
        "max_overflow": 3,
        "pool_timeout": 60,
        "pool_pre_ping": True,  # survives a restart of the database
        "pool_recycle": 1800,
        "connect_args": _connect_args(url, application_name),
    }


def _connect_args(url: URL, application_name: str) -> dict[str, Any]:
    ours = {
        "application_name": application_name,
        "connect_timeout": 10,
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
    wanted = {key: value for key, value in ours.items() if key not in url.query}
    return wanted | {"options": f"{url.query.get('options', '')} {SESSION}".strip()}


def _with_password(url: URL) -> URL:
    # libpq's own passfile must be readable by its owner alone, which a container's secret is not.
    file = os.environ.get(PASSWORD_FILE)
    if not file:
        return url
    if url.password is not None:
        raise InputError(
            f"{PASSWORD_FILE}: {URL_VARIABLE} has a password, too: leave one of them out"
        )
    try:
        password = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"{PASSWORD_FILE}: {file} can't be read: {reason}") from error
    if not password:
        raise InputError(f"{PASSWORD_FILE}: {file} is empty: write the password into it")
    return url.set(password=password)


def _hide_password(url: URL) -> URL:
    # A password in the query would be printed.
    if "password" not in url.query:
        return url
    password = url.normalized_query["password"][0]
    return url.set(password=password).difference_update_query(["password"])


def _plain(url: URL) -> str:
    return url.render_as_string(hide_password=False)
