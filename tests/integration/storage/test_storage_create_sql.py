"""storage/create.sql, on a server of its own."""

import os
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from hpo.storage.database import create_tables
from hpo.storage.embedded import EmbeddedServer
from hpo.storage.programs import BINARIES, site

SCRIPT = Path(__file__).parents[3] / "storage" / "create.sql"


@pytest.fixture
def own_server(home_folder):
    with EmbeddedServer(home_folder) as server:
        yield server


def run_script(server, **variables):
    url = server.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return subprocess.run(
        [site() / BINARIES / "psql", "--file", SCRIPT, "-v", "name=team", url],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_new_role_can_make_the_tables_and_nothing_else(own_server):
    done = run_script(own_server, HPO_PASSWORD="it's secret")
    assert done.returncode == 0, done.stderr
    url = own_server.url.set(username="team", password="it's secret", database="team")
    create_tables(url)
    with create_engine(url, poolclass=NullPool).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM studies")) == 0
        rights = (
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = 'team'"
        )
        assert connection.scalar(text(rights)) is False


def test_without_a_password_nothing_is_made(own_server):
    done = run_script(own_server)
    assert done.returncode != 0
    assert "set HPO_PASSWORD" in done.stderr
    with create_engine(own_server.url, poolclass=NullPool).connect() as connection:
        found = "SELECT count(*) FROM pg_roles WHERE rolname = 'team'"
        assert connection.scalar(text(found)) == 0
