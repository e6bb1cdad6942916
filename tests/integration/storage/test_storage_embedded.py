"""The embedded server: who starts it, who keeps it, who stops it, and what it survives."""

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from hpo.errors import DatabaseError
from hpo.storage import programs
from hpo.storage.embedded import EmbeddedServer
from hpo.storage.file_lock import open_lock
from hpo.storage.postgres import Postgres

HOLD = """
import os, subprocess, time
from pathlib import Path
from sqlalchemy import NullPool, create_engine, text
from hpo.home import home
from hpo.storage.embedded import EmbeddedServer

held = []

def postmaster():
    with create_engine(held[-1].url, poolclass=NullPool).connect() as connection:
        path = connection.scalar(text("SHOW data_directory"))
    return Path(path, "postmaster.pid").read_text().splitlines()[0]

def act(line):
    if line == "come":
        held.append(EmbeddedServer(home()))
    if line == "leave":
        held.pop().close()
    if line == "fork":
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.write(writing, b".")  # from here on it holds none of its parent's locks
            time.sleep(60)
            os._exit(0)
        os.read(reading, 1)
        return child
    if line == "spawn":
        return subprocess.Popen(["sleep", "60"], close_fds=False).pid
    if line == "churn":
        for turn in range(10):
            with EmbeddedServer(home()) as server:
                held.append(server)
                postmaster()
                held.pop()
        return "churned"
    return postmaster() if held else "away"
"""

NewCrew = Callable[[str, int], Any]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root's server is another user")


def scalar(server: EmbeddedServer, statement: str) -> object:
    with create_engine(server.url, poolclass=NullPool).begin() as connection:
        return connection.scalar(text(statement))


def keep_a_row(server: EmbeddedServer) -> None:
    with create_engine(server.url, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT 42 AS answer"))


def is_running(folder: Path) -> bool:
    return Postgres(folder=folder).answers()


def is_gone(folder: Path) -> bool:
    """Wait until none of the server's processes is left."""
    with open_lock(folder / "alive") as alive:
        return eventually(alive.try_take)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


@contextmanager
def crashed(folder: Path) -> Iterator[None]:
    """Keep one row in a database whose postmaster is killed."""
    with EmbeddedServer(folder) as server:
        keep_a_row(server)
        os.kill(postmaster(folder), signal.SIGKILL)
        assert is_gone(folder)
        yield


# ---- coming and leaving


def test_the_last_one_stops_it(home_folder: Path) -> None:
    first = EmbeddedServer(home_folder)
    second = EmbeddedServer(home_folder)
    assert first.url == second.url
    first.close()
    first.close()
    assert is_running(home_folder)
    second.close()
    assert not is_running(home_folder)
    assert is_gone(home_folder)


def test_its_data_outlives_it(home_folder: Path) -> None:
    with EmbeddedServer(home_folder) as server:
        keep_a_row(server)
    with EmbeddedServer(home_folder) as server:
        assert scalar(server, "SELECT answer FROM kept") == 42


def test_eight_processes_start_one_server(home_folder: Path, crew: NewCrew) -> None:
    users = crew(HOLD, 8)
    assert len(users.tell("come")) == 1
    assert users.dismiss() == {0}
    assert is_gone(home_folder)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_coming_and_leaving_at_the_same_time(home_folder: Path, crew: NewCrew) -> None:
    users = crew(HOLD, 8)
    for _ in range(5):
        assert users.tell("churn") == {"churned"}
    assert is_gone(home_folder)


def test_a_killed_user_is_not_counted(home_folder: Path, crew: NewCrew) -> None:
    users = crew(HOLD, 2)
    assert len(users.tell("come")) == 1
    killed = users.processes.pop()
    killed.kill()
    killed.wait()
    assert users.tell("come") == {str(postmaster(home_folder))}
    assert users.dismiss() == {0}
    assert is_gone(home_folder)


def test_after_a_killed_last_user_the_next_one_stops_it(home_folder: Path, crew: NewCrew) -> None:
    user = crew(HOLD, 1)
    user.tell("come")
    user.processes[0].kill()
    user.processes[0].wait()
    assert is_running(home_folder)
    EmbeddedServer(home_folder).close()
    assert is_gone(home_folder)


def test_ctrl_c_does_not_reach_it(home_folder: Path, crew: NewCrew) -> None:
    starter = crew(HOLD, 1)
    starter.tell("come")
    with EmbeddedServer(home_folder) as server:
        os.killpg(starter.processes[0].pid, signal.SIGINT)
        assert starter.processes[0].wait(30) != 0
        assert scalar(server, "SELECT 42") == 42
    assert is_gone(home_folder)


@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_a_child_does_not_stay_in_place_of_its_parent(
    home_folder: Path, crew: NewCrew, kind: str
) -> None:
    user = crew(HOLD, 1)
    user.tell("come")
    (child,) = user.tell(kind)
    user.processes[0].kill()
    user.processes[0].wait()
    EmbeddedServer(home_folder).close()
    os.kill(int(child), signal.SIGKILL)
    assert not is_running(home_folder)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_starter_may_be_killed_at_any_moment(home_folder: Path, crew: NewCrew) -> None:
    for step in range(20):
        starter = crew(HOLD, 1).processes[0]
        starter.stdin.write("come\n")
        starter.stdin.flush()
        time.sleep(0.04 * step)
        starter.kill()
        starter.wait()
    with EmbeddedServer(home_folder) as server:
        assert scalar(server, "SELECT 42") == 42
    assert is_gone(home_folder)


# ---- crashes


def test_a_killed_server_is_started_again(home_folder: Path) -> None:
    with crashed(home_folder), EmbeddedServer(home_folder) as server:
        assert scalar(server, "SELECT answer FROM kept") == 42
    assert is_gone(home_folder)


def test_leaving_a_killed_server(home_folder: Path) -> None:
    with crashed(home_folder):
        pass
    assert is_gone(home_folder)


@pytest.mark.parametrize("content", ["", "12", "{pid}\n/somewhere\n0\n5432\n/tmp\n\n 1 1\nready\n"])
def test_a_stale_pid_file_is_ignored(home_folder: Path, content: str) -> None:
    with crashed(home_folder):
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            file = home_folder / "postgres" / name
            file.write_text(content.format(pid=os.getpid()))
    with EmbeddedServer(home_folder) as server:
        assert scalar(server, "SELECT answer FROM kept") == 42


# ---- folders


@pytest.mark.parametrize("name", ["deep/" * 40, "a space, a comma, {braces} & 'quotes' \"ü\" %41"])
def test_any_folder_will_do(home_folder: Path, name: str) -> None:
    folder = home_folder / name
    folder.mkdir(parents=True)
    with EmbeddedServer(folder) as server:
        sockets = Path(str(server.url.query["host"]))
        assert scalar(server, "SELECT 42") == 42
    assert is_gone(folder)
    assert sockets == folder / "postgres" or not sockets.exists()


def test_nobody_else_can_come_in(home_folder: Path) -> None:
    with EmbeddedServer(home_folder) as server:
        assert scalar(server, "SHOW listen_addresses") == ""
        assert scalar(server, "SHOW fsync") == "on"
        sockets = Path(str(server.url.query["host"]))
    assert stat.S_IMODE((home_folder / "postgres").stat().st_mode) == 0o700
    assert sockets == home_folder / "postgres"
    assert not stat.S_IMODE(home_folder.stat().st_mode) & 0o066


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError, match="set HPO_HOME to a folder that you can write"):
        EmbeddedServer(tmp_path / "file" / "home")


def test_data_of_another_version(home_folder: Path) -> None:
    EmbeddedServer(home_folder).close()
    (home_folder / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseError, match=r"made by PostgreSQL 16, but this hpo carries 18"):
        EmbeddedServer(home_folder)


def test_a_start_that_fails_names_the_log(home_folder: Path) -> None:
    EmbeddedServer(home_folder).close()
    (home_folder / "postgres" / "postgresql.conf").write_text("nonsense = yes\n")
    with pytest.raises(DatabaseError, match=r"did not start: see .*server\.log$"):
        EmbeddedServer(home_folder)
    assert "nonsense" in (home_folder / "postgres" / "server.log").read_text()


def test_a_database_that_cannot_be_made(home_folder: Path) -> None:
    home_folder.mkdir(mode=0o711)
    home_folder.chmod(0o711)
    half = home_folder / "postgres"
    half.mkdir()
    (half / "of somebody else").touch()
    with pytest.raises(DatabaseError):
        EmbeddedServer(home_folder)
    assert (half / "of somebody else").exists()


def test_a_server_that_never_answers(home_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home_folder.mkdir()
    monkeypatch.setattr("hpo.storage.embedded.PATIENCE", 0.1)
    with open_lock(home_folder / "alive") as alive:
        alive.take()
        with pytest.raises(DatabaseError, match=r"does not answer: see .*server\.log$"):
            EmbeddedServer(home_folder)


def test_an_installation_without_the_server(
    home_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "WHEEL", "absent")
    with pytest.raises(DatabaseError, match="no embedded server is installed"):
        EmbeddedServer(home_folder)


@as_root
def test_root_without_another_user(home_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "ACCOUNT", "not a valid name")  # useradd refuses it
    with pytest.raises(DatabaseError, match="there is no user not a valid name to run it"):
        EmbeddedServer(home_folder)


@as_root
def test_root_is_told_where_its_server_cannot_go(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(DatabaseError, match="other users can't come here: set HPO_HOME"):
        EmbeddedServer(tmp_path / "home")


@as_root
def test_root_may_have_its_environment_to_itself(
    home_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir(mode=0o700)
    for part in (programs.WHEEL, f"{programs.WHEEL}.libs"):
        (site / part).symlink_to(programs.site() / part)
    monkeypatch.setattr(programs, "site", lambda: site)
    for _ in range(2):
        with EmbeddedServer(home_folder) as server:
            assert scalar(server, "SELECT 42") == 42
