"""An open database: its clock, its pool, its heartbeats."""

import optuna
import pytest
from sqlalchemy import text

from hpo.storage.database import create_tables, open_storage, parse_url


def test_a_study_is_still_there_when_opened_again(database_url: str) -> None:
    with open_storage(application_name="one", url=database_url) as database:
        optuna.create_study(storage=database.storage, study_name="digits")
    with open_storage(application_name="two", url=database_url) as database:
        assert optuna.get_all_study_names(database.storage) == ["digits"]


def test_the_embedded_server_needs_no_init(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")  # meant for another server
    with open_storage(application_name="test") as database:
        assert optuna.get_all_study_names(database.storage) == []


def test_the_environment_names_the_database(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_DATABASE_URL", database_url)
    with open_storage(application_name="test") as database:
        assert database.url.database == parse_url(database_url).database


def test_tables_may_be_created_twice(empty_database_url: str) -> None:
    create_tables(parse_url(empty_database_url))
    create_tables(parse_url(empty_database_url))
    with open_storage(application_name="test", url=empty_database_url) as database:
        assert optuna.get_all_study_names(database.storage) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [("timezone", "UTC"), ("statement_timeout", "1min"), ("application_name", "hpo-test")],
)
def test_sessions_are_set_up(database_url: str, setting: str, value: str) -> None:
    with (
        open_storage(application_name="hpo-test", url=database_url) as database,
        database.engine.connect() as connection,
    ):
        assert connection.scalar(text(f"SHOW {setting}")) == value


def test_the_options_of_the_url_are_kept(database_url: str) -> None:
    url = f"{database_url}&options=-c%20work_mem%3D5MB&application_name=mine"
    with (
        open_storage(application_name="hpo-test", url=url) as database,
        database.engine.connect() as connection,
    ):
        assert connection.scalar(text("SHOW work_mem")) == "5MB"
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert connection.scalar(text("SHOW application_name")) == "mine"


def test_connections_are_closed_at_the_end(database_url: str) -> None:
    with open_storage(application_name="leaves", url=database_url) as database:
        optuna.get_all_study_names(database.storage)
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leaves'"
    with (
        open_storage(application_name="looks", url=database_url) as database,
        database.engine.connect() as connection,
    ):
        assert connection.scalar(text(count)) == 0


def test_it_survives_the_loss_of_its_connections(database_url: str) -> None:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'idle'"
    with (
        open_storage(application_name="idle", url=database_url) as idle,
        open_storage(application_name="killer", url=database_url) as killer,
    ):
        optuna.get_all_study_names(idle.storage)
        with killer.engine.begin() as connection:
            connection.execute(text(kill))
        optuna.get_all_study_names(idle.storage)
