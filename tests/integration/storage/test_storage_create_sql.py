"""storage/create.sql, on a server of its own: what each of its roles may do, and may not."""

import os
import subprocess
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from hpo.storage.database import create_tables, open_storage
from hpo.storage.embedded import EmbeddedServer
from hpo.storage.programs import BINARIES, site

SCRIPT = Path(__file__).parents[3] / "storage" / "create.sql"
PASSWORDS = {
    "HPO_PASSWORD": "it's secret",
    "HPO_WORKER_PASSWORD": "works hard",
    "HPO_VIEWER_PASSWORD": "looks on",
}


@pytest.fixture(scope="module")
def own_server(short_folder):
    with EmbeddedServer(short_folder / "own") as server:
        run_sql(server.url, "ALTER SYSTEM SET fsync = off")
        run_sql(server.url, "ALTER SYSTEM SET log_statement = 'all'")
        run_sql(server.url, "SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="module")
def team(own_server):
    """Return a function that makes URLs of a database that the script prepared, with tables."""
    done = run_script(own_server.url, **PASSWORDS)
    assert done.returncode == 0, done.stderr
    create_tables(url_of(own_server, "team"))
    return partial(url_of, own_server)


def run_script(url, name="team", **variables):
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return subprocess.run(
        [site() / BINARIES / "psql", "--no-psqlrc", "-f", SCRIPT, "-v", f"name={name}", plain],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def url_of(server, role):
    return server.url.set(
        username=role, database=role.removesuffix("_worker").removesuffix("_viewer")
    )


def run_sql(url, statement):
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


def scalar(url, query):
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return connection.scalar(text(query))


@pytest.mark.usefixtures("team")
def test_no_role_is_an_administrator(own_server):
    rights = (
        "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'team%' "
        "AND (rolsuper OR rolcreatedb OR rolcreaterole)"
    )
    assert scalar(own_server.url, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'team%'") == 3
    assert scalar(own_server.url, rights) == 0


def test_a_worker_reads_and_writes_studies(team):
    url = team("team_worker").render_as_string(hide_password=False)
    with open_storage(application_name="test", url=url) as database:
        study_id = database.storage.create_new_study([1], "digits")
        trial_id = database.storage.create_new_trial(study_id)
        database.storage.set_trial_user_attr(trial_id, "key", "value")
        database.storage.delete_study(study_id)
        assert database.storage.get_all_studies() == []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE trials",
        "TRUNCATE studies CASCADE",
        "ALTER TABLE trials ADD COLUMN mine int",
        "CREATE TABLE mine (a int)",
        "CREATE TEMPORARY TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE trials OWNER TO team_worker",
        "ALTER ROLE team_viewer SUPERUSER",
        "SET ROLE team",
    ],
)
@pytest.mark.parametrize("role", ["team_worker", "team_viewer"])
def test_neither_worker_nor_viewer_changes_tables_or_rights(team, role, statement):
    with pytest.raises(
        DBAPIError, match=r"permission denied|must be owner|no privileges|read-only"
    ):
        run_sql(team(role), statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO studies (study_id, study_name) VALUES (7, 'mine')",
        "UPDATE studies SET study_name = 'mine'",
        "DELETE FROM studies",
        "SELECT nextval('studies_study_id_seq')",
        "SELECT * FROM studies FOR UPDATE",
    ],
)
def test_a_viewer_writes_nothing_even_when_it_says_that_it_may(team, statement):
    statement = f"SET transaction_read_only = off; {statement}"
    with pytest.raises(DBAPIError, match="permission denied"):
        run_sql(team("team_viewer"), statement)


def test_a_viewer_reads_the_studies_of_a_worker(team):
    url = team("team_worker").render_as_string(hide_password=False)
    with open_storage(application_name="test", url=url) as database:
        database.storage.create_new_study([1], "digits")
    url = team("team_viewer").render_as_string(hide_password=False)
    with open_storage(application_name="test", url=url) as database:
        assert [study.study_name for study in database.storage.get_all_studies()] == ["digits"]


def test_tables_that_are_made_later_are_covered(team):
    run_sql(team("team"), "CREATE TABLE later (a int)")
    run_sql(team("team_worker"), "INSERT INTO later VALUES (7)")
    assert scalar(team("team_viewer"), "SELECT a FROM later") == 7


@pytest.mark.usefixtures("team")
def test_other_roles_can_not_even_connect(own_server):
    run_sql(own_server.url, "CREATE ROLE stranger LOGIN")
    with pytest.raises(DBAPIError, match="permission denied for database"):
        scalar(own_server.url.set(username="stranger", database="team"), "SELECT 1")


def test_it_can_be_run_again_to_change_a_password(team, own_server):
    stored = "SELECT rolpassword FROM pg_authid WHERE rolname = 'team_worker'"
    before = scalar(own_server.url, stored)
    done = run_script(own_server.url, **PASSWORDS | {"HPO_WORKER_PASSWORD": "works harder"})
    assert done.returncode == 0, done.stderr
    assert scalar(own_server.url, stored) != before
    assert scalar(team("team_viewer"), "SELECT count(*) FROM trials") == 0


def test_a_database_without_these_roles_gets_them(own_server):
    """As an older version of the script left it."""
    assert run_script(own_server.url, "old", HPO_PASSWORD="it's secret").returncode == 0
    create_tables(url_of(own_server, "old"))
    roles = "SELECT count(*) FROM pg_roles WHERE rolname IN ('old_worker', 'old_viewer')"
    assert scalar(own_server.url, roles) == 0
    assert run_script(own_server.url, "old", **PASSWORDS).returncode == 0
    assert scalar(url_of(own_server, "old_viewer"), "SELECT count(*) FROM trials") == 0


def test_an_administrator_who_is_no_superuser_can_run_it(own_server):
    """As on servers that somebody else manages; it can't keep passwords out of the log."""
    passwords = dict.fromkeys(PASSWORDS, "logged")
    run_sql(own_server.url, "CREATE ROLE manager LOGIN CREATEDB CREATEROLE")
    for _ in range(2):
        done = run_script(own_server.url.set(username="manager"), "managed", **passwords)
        assert done.returncode == 0, done.stderr
    create_tables(url_of(own_server, "managed"))
    assert scalar(url_of(own_server, "managed_viewer"), "SELECT count(*) FROM trials") == 0


@pytest.mark.parametrize("given", [{}, {"HPO_PASSWORD": ""}])
def test_without_a_password_nothing_is_made(own_server, given):
    done = run_script(own_server.url, "nobody", **given)
    assert done.returncode != 0
    assert "set HPO_PASSWORD" in done.stderr
    assert scalar(own_server.url, "SELECT count(*) FROM pg_roles WHERE rolname = 'nobody'") == 0


@pytest.mark.usefixtures("team")
def test_no_password_reaches_the_servers_log(own_server):
    log = (Path(own_server.url.query["host"]) / "server.log").read_text()
    assert "GRANT SELECT ON ALL TABLES" in log  # statements of the script are logged
    assert not [password for password in PASSWORDS.values() if password in log]
