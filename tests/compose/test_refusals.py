"""What must fail: passwords that can be guessed, roles beyond their rights, other addresses."""

import json
import socket
from collections.abc import Callable

import pytest
from project import Project, until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def refused(make_project: Callable[..., Project]) -> Project:
    """A clone on which nothing should start."""
    return make_project()


@pytest.fixture(scope="module")
def running(make_project: Callable[..., Project]) -> Project:
    """A clone with a database, a dashboard and the smoke study, but no worker."""
    project = make_project()
    project.run("deploy/make-secrets.sh")
    project.compose("up", "-d", "dashboard")
    return project


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("postgres", "", "it is empty"),
        ("worker", "postgrespostgres", "default or well-known"),
        ("dashboard", "hunter2", "fewer than 12 characters"),
    ],
)
def test_a_password_that_can_be_guessed(
    refused: Project, name: str, password: str, said: str
) -> None:
    refused.run("deploy/make-secrets.sh")
    (refused.folder / "secrets" / name).write_text(password)
    refused.compose("up", "-d", "worker", code=1)
    logs = refused.compose("logs", "--no-log-prefix", "password-check")
    assert f"secrets/{name}: " in logs
    assert said in logs
    assert refused.containers("postgres") == []
    refused.remove()
    (refused.folder / "secrets" / name).unlink()


def test_no_password_at_all(refused: Project) -> None:
    refused.run("deploy/make-secrets.sh")
    (refused.folder / "secrets" / "owner").unlink()
    done = refused.run("docker", "compose", "up", "-d", "worker", code=None)
    assert done.returncode != 0
    assert "secrets/owner" in done.stderr
    assert refused.containers("postgres") == []


@pytest.mark.parametrize(
    ("role", "secret", "query"),
    [
        ("hpo_worker", "worker", "DROP TABLE trials"),
        ("hpo_worker", "worker", "CREATE TABLE mine (a int)"),
        ("hpo_viewer", "viewer", "DELETE FROM studies"),
        ("hpo_viewer", "viewer", "SET default_transaction_read_only = off; DELETE FROM studies"),
        ("hpo_viewer", "worker", "SELECT 1"),  # not its password
        ("postgres", "worker", "SELECT 1"),
    ],
)
def test_a_role_beyond_its_rights(running: Project, role: str, secret: str, query: str) -> None:
    done = running.sql_as(role, running.secret(secret), query)
    assert done.returncode != 0
    expected = ("permission denied", "must be owner", "read-only", "password authentication failed")
    assert any(words in done.stderr for words in expected), done.stderr
    assert running.sql("SELECT count(*) FROM studies") == "1"


def test_the_dashboard_asks_for_a_password(running: Project) -> None:
    address = running.compose("port", "dashboard", "8080").strip()
    container = running.containers("dashboard")[0]
    until(lambda: running.inspect(container)["State"]["Health"]["Status"] == "healthy")
    studies = f"http://{address}/api/studies"
    assert fetch(running, studies) == 401
    assert fetch(running, studies, "viewer:changeme") == 401
    assert fetch(running, studies, "viewer:" + running.secret("dashboard")) == 200
    delete = f"http://{address}/api/studies/1"
    assert fetch(running, delete, "viewer:" + running.secret("dashboard"), "DELETE") == 403
    assert running.sql("SELECT count(*) FROM studies") == "1"


def fetch(project: Project, url: str, user: str = "", method: str = "GET") -> int:
    """Return the status of an answer."""
    curl = (
        "curl",
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        "-X",
        method,
    )
    return int(project.run(*curl, *(("--user", user) if user else ()), url).stdout)


def test_only_loopback_listens(running: Project) -> None:
    port = int(running.compose("port", "dashboard", "8080").strip().split(":")[1])
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(OSError, match="refused"):  # of this machine, but not what was asked for
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_the_database_is_published_nowhere(running: Project) -> None:
    published = running.inspect(running.containers("postgres")[0])["NetworkSettings"]["Ports"]
    assert not any(published.values())


def test_who_needs_no_database_can_not_reach_it(running: Project) -> None:
    outside = ("docker", "run", "--rm", "--network", f"{running.name}_public")
    ready = ("--entrypoint", "pg_isready", "hpo:compose-test", "--host", "postgres")
    assert running.run(*outside, *ready, code=None).returncode != 0
    inside = ("docker", "run", "--rm", "--network", f"{running.name}_database")
    assert running.run(*inside, *ready).returncode == 0


def test_a_worker_reaches_nothing_outside(running: Project) -> None:
    networks = running.run("docker", "network", "inspect", f"{running.name}_database").stdout
    assert json.loads(networks)[0]["Internal"] is True
