"""What goes wrong with a database becomes one line that says what to do."""

import inspect
import socket
from collections.abc import Iterator
from itertools import chain

import psycopg2.errors
import psycopg2.extensions
import pytest
import sqlalchemy.event
import sqlalchemy.exc
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from sqlalchemy import NullPool, create_engine, text

from hpo.errors import DatabaseAway, DatabaseError, InputError
from hpo.storage.database import create_tables, open_storage, parse_url, study_lock
from hpo.storage.failures import database_errors, describe
from hpo.storage.records import Records


def failure(url: str) -> str:
    with pytest.raises(DatabaseError) as caught, open_storage(application_name="test", url=url):
        pass
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.socket() as held:  # bound, but it does not listen
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_refused_connection(free_port: int) -> None:
    message = failure(f"postgresql://ada:s3cret@127.0.0.1:{free_port}/hpo")
    assert message.startswith("the database: connection to server at")
    assert message.endswith("Connection refused: start the server, or correct HPO_DATABASE_URL")


@pytest.mark.parametrize("setting", ["connect_timeout=abc", "sslmode=bogus"])
def test_a_setting_that_is_invalid(database_url: str, setting: str) -> None:
    url = database_url + ("&" if "?" in database_url else "?") + setting
    with (
        pytest.raises(InputError, match=r"^the database: .*invalid .*: correct HPO_DATABASE_URL$"),
        open_storage(application_name="test", url=url),
    ):
        pass


def test_a_missing_database(database_url: str) -> None:
    message = failure(database_url.replace("/hpo_test_", "/hpo_absent_"))
    assert message.endswith("does not exist: create it, or correct HPO_DATABASE_URL")


def test_an_unknown_user(database_url: str) -> None:
    message = failure(database_url.replace("//hpo@", "//nobody:s3cret@"))
    assert message.endswith('"nobody" does not exist: create it, or correct HPO_DATABASE_URL')


def test_missing_tables(empty_database_url: str) -> None:
    message = failure(empty_database_url)
    assert message == "the database has no hpo tables: run `hpo init` first"


def test_tables_that_vanish_later(database_url: str) -> None:
    with open_storage(application_name="test", url=database_url) as database:
        run(database_url, "DROP TABLE studies CASCADE")
        with pytest.raises(DatabaseError, match="run `hpo init` first"), database_errors():
            database.storage.get_all_studies()


def test_tables_of_another_optuna(database_url: str) -> None:
    run(database_url, "UPDATE alembic_version SET version_num = 'v99.0.0'")
    assert failure(database_url).startswith("the tables were made by another version of Optuna")


def test_a_user_without_rights(empty_database_url: str) -> None:
    url = parse_url(empty_database_url)
    guest = f"guest_{url.database}"
    run(empty_database_url, f"CREATE ROLE {guest} LOGIN")
    try:
        with pytest.raises(
            DatabaseError, match=r"permission denied .* grant the right to the user"
        ):
            create_tables(url.set(username=guest))
    finally:
        run(empty_database_url, f"DROP ROLE {guest}")


def test_a_statement_that_takes_too_long(database_url: str) -> None:
    with (
        open_storage(application_name="test", url=database_url) as database,
        pytest.raises(DatabaseError, match="statement timeout: another process holds a lock"),
        database_errors(),
        database.engine.connect() as connection,
    ):
        connection.execute(text("SET statement_timeout = 10; SELECT pg_sleep(5)"))


def test_a_role_that_only_reads(database_url: str) -> None:
    url = f"{database_url}&options=-c%20default_transaction_read_only%3Don"
    with (
        open_storage(application_name="test", url=url) as database,
        pytest.raises(DatabaseError, match="only reads: use one that writes"),
        database_errors(),
    ):
        database.storage.create_new_study([StudyDirection.MAXIMIZE])


def test_a_server_that_goes_away(free_port: int, database_url: str) -> None:
    with open_storage(application_name="test", url=database_url) as database:
        gone = f"postgresql+psycopg2://ada:s3cret@127.0.0.1:{free_port}/hpo"
        database.records.engine.dispose()
        database.records.engine = create_engine(gone)
        refused = pytest.raises(DatabaseError, match="Connection refused")
        with refused, study_lock(database, "any"):
            pass


def test_a_wrong_password() -> None:
    said = 'connection to server at "db", port 5432 failed: FATAL:  password authentication failed'
    assert describe(psycopg2.OperationalError(f"{said} for user ada\nmore")).endswith(
        "FATAL: password authentication failed for user ada: "
        "check the user and the password in HPO_DATABASE_URL"
    )


def test_an_error_that_says_nothing() -> None:
    assert describe(psycopg2.OperationalError()) == "the database: OperationalError"


def driver_errors() -> list[type[Exception]]:
    modules = (psycopg2, psycopg2.errors, psycopg2.extensions)
    named = chain.from_iterable(inspect.getmembers(module, inspect.isclass) for module in modules)
    found = {kind for _, kind in named if issubclass(kind, Exception)}
    return sorted(found - {psycopg2.Warning}, key=lambda kind: kind.__name__)


def test_every_error_of_the_driver_is_mapped() -> None:
    for kind in driver_errors():
        with pytest.raises(DatabaseError) as caught, database_errors():
            raise kind("FATAL:  it broke\nDETAIL: more")
        assert str(caught.value) == "the database: FATAL: it broke"
        assert isinstance(caught.value.__cause__, kind)


def test_every_wrapped_error_is_mapped() -> None:
    cause = psycopg2.OperationalError("it broke")
    wrapped = sqlalchemy.exc.OperationalError("SELECT 1", {}, cause)
    with pytest.raises(DatabaseError, match=r"^the database: it broke$"), database_errors():
        raise StorageInternalError("advice about something else") from wrapped


@pytest.mark.parametrize("reader", [Records, RDBStorage])
def test_a_connection_that_breaks_while_trials_are_read_is_away(
    database_url: str, reader: type[RDBStorage]
) -> None:
    """Optuna's own code asks again in another way, on the connection that is broken."""
    with open_storage(application_name="test", url=database_url) as database:
        study_id = database.storage.create_new_study([StudyDirection.MAXIMIZE])

        @sqlalchemy.event.listens_for(database.engine, "before_cursor_execute")
        def cut(connection, _cursor, statement, *_):  # type: ignore[no-untyped-def]
            if "FROM trials" in statement:
                pid = connection.connection.dbapi_connection.info.backend_pid
                run(database_url, f"SELECT pg_terminate_backend({pid})")

        with pytest.raises(DatabaseAway) as caught, database_errors():
            reader._get_trials(database.records, study_id, None, set(), -1)
    assert isinstance(caught.value.__cause__, StorageInternalError) == (reader is RDBStorage)


def test_a_full_pool_is_mapped() -> None:
    with pytest.raises(DatabaseError, match="QueuePool limit"), database_errors():
        raise sqlalchemy.exc.TimeoutError("QueuePool limit of size 2 reached")


def test_mistakes_in_the_code_are_not_mapped() -> None:
    with pytest.raises(sqlalchemy.exc.ArgumentError), database_errors():
        raise sqlalchemy.exc.ArgumentError("a bug")


def run(url: str, statement: str) -> None:
    with create_engine(parse_url(url), poolclass=NullPool).begin() as connection:
        connection.execute(text(statement))
