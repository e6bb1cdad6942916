"""storage/backup.sh and storage/restore.sh: from one server to another, empty one."""

import os
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from hpo.storage.database import create_tables, open_storage, parse_url
from hpo.storage.embedded import EmbeddedServer
from hpo.storage.programs import BINARIES, site

STORAGE = Path(__file__).parents[3] / "storage"
TABLES = (
    "studies",
    "trials",
    "trial_intermediate_values",
    "trial_user_attributes",
    "alembic_version",
    "version_info",
)

WRITE = """
from hpo.storage.database import open_storage
from optuna.trial import TrialState

def act(url):
    with open_storage(application_name="writes", url=url) as database:
        study_id = database.storage.create_new_study([1], "busy")
        print("ready", flush=True)
        while True:
            trial_id = database.storage.create_new_trial(study_id)
            for step in range(5):
                database.storage.set_trial_intermediate_value(trial_id, step, 0.5)
            database.storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.5])
"""


def run(script, *arguments, url="", stdin=subprocess.DEVNULL, **variables):
    return subprocess.run(
        [STORAGE / script, *arguments],
        env={
            "PATH": f"{site() / BINARIES}{os.pathsep}{os.defpath}",
            "HPO_DATABASE_URL": url,
            **variables,
        },
        stdin=stdin,
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def other_server(short_folder):
    with EmbeddedServer(short_folder / "other") as server:
        run_sql(server.url, "ALTER SYSTEM SET fsync = off")
        run_sql(server.url, "SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def empty_url(other_server):
    """A database without tables on another server."""
    run_sql(other_server.url, "CREATE DATABASE empty TEMPLATE template0")
    yield other_server.url.set(database="empty").render_as_string(hide_password=False)
    run_sql(other_server.url, "DROP DATABASE empty WITH (FORCE)")


def run_sql(url, statement):
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


@pytest.fixture
def filled_url(database_url):
    """A database with a study of some trials."""
    with open_storage(application_name="test", url=database_url) as database:
        study_id = database.storage.create_new_study([1], "digits")
        for number in range(3):
            trial_id = database.storage.create_new_trial(study_id)
            database.storage.set_trial_intermediate_value(trial_id, 0, number / 10)
            database.storage.set_trial_user_attr(trial_id, "key", number)
    return database_url


def rows_of(url, table):
    with create_engine(parse_url(url), poolclass=NullPool).connect() as connection:
        return connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all()


def test_all_of_it_is_found_on_another_server(filled_url, empty_url, tmp_path):
    file = tmp_path / "hpo.dump"
    saved = run("backup.sh", file, url=filled_url)
    assert (saved.returncode, saved.stderr) == (0, b"")
    restored = run("restore.sh", file, url=empty_url)
    assert (restored.returncode, restored.stderr) == (0, b"")
    for table in TABLES:
        assert rows_of(empty_url, table) == rows_of(filled_url, table) != []


def test_what_was_restored_goes_on(filled_url, empty_url, tmp_path):
    file = tmp_path / "hpo.dump"
    run("backup.sh", file, url=filled_url)
    run("restore.sh", file, url=empty_url)
    create_tables(parse_url(empty_url))
    with open_storage(application_name="test", url=empty_url) as database:
        trial_id = database.storage.create_new_trial(1)
        assert database.storage.get_trial(trial_id).number == 3


def test_a_backup_while_workers_write_is_of_one_moment(database_url, empty_url, tmp_path, crew):
    writer = crew(WRITE, 1)
    assert writer.tell(database_url) == {"ready"}
    file = tmp_path / "hpo.dump"
    while not rows_of(database_url, "trial_values"):
        assert writer.processes[0].poll() is None
    assert run("backup.sh", file, url=database_url).returncode == 0
    assert run("restore.sh", file, url=empty_url).returncode == 0
    assert len(rows_of(empty_url, "trials")) < len(rows_of(database_url, "trials"))
    ended = rows_of(empty_url, "(SELECT * FROM trials WHERE state = 'COMPLETE') AS ended")
    assert len(ended) == len(rows_of(empty_url, "trial_values")) > 0


def test_standard_input_and_output_can_take_the_place_of_the_file(filled_url, empty_url, tmp_path):
    file = tmp_path / "hpo.dump"
    file.write_bytes(run("backup.sh", "-", url=filled_url).stdout)
    with file.open("rb") as opened:
        assert run("restore.sh", "-", url=empty_url, stdin=opened).returncode == 0
    assert rows_of(empty_url, "trials") == rows_of(filled_url, "trials")


def test_a_database_with_tables_is_left_alone(filled_url, tmp_path):
    file = tmp_path / "hpo.dump"
    run("backup.sh", file, url=filled_url)
    before = rows_of(filled_url, "trials")
    refused = run("restore.sh", file, url=filled_url)
    assert refused.returncode == 2
    assert b"has tables already: restore into an empty one" in refused.stderr
    assert rows_of(filled_url, "trials") == before


def test_half_a_backup_restores_nothing(filled_url, empty_url, tmp_path):
    file = tmp_path / "hpo.dump"
    run("backup.sh", file, url=filled_url)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 9 // 10])
    assert run("restore.sh", file, url=empty_url).returncode != 0
    assert rows_of(empty_url, "pg_tables WHERE schemaname = 'public'") == []


def test_a_backup_that_fails_leaves_no_file(database_url, tmp_path):
    file = tmp_path / "hpo.dump"
    gone = parse_url(database_url).set(database="gone").render_as_string(hide_password=False)
    done = run("backup.sh", file, url=gone)
    assert b'database "gone" does not exist' in done.stderr
    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_nobody_elses_to_read(filled_url, tmp_path):
    run("backup.sh", tmp_path / "hpo.dump", url=filled_url)
    assert (tmp_path / "hpo.dump").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("script", ["backup.sh", "restore.sh"])
@pytest.mark.parametrize(
    ("arguments", "url", "said"),
    [
        (["hpo.dump"], "", "set HPO_DATABASE_URL"),
        ([], "postgresql://db/hpo", "name the file"),
        (["a", "b"], "postgresql://db/hpo", "name the file"),
    ],
)
def test_wrong_input_is_refused_in_one_line(script, arguments, url, said):
    done = run(script, *arguments, url=url)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_file_that_is_not_there_is_refused(empty_database_url, tmp_path):
    done = run("restore.sh", tmp_path / "none", url=empty_database_url)
    assert done.returncode == 2
    assert b"none can't be read" in done.stderr
