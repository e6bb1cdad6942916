"""What every test gets: an environment without HPO_*, and real databases on one embedded server."""

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL, NullPool, create_engine, make_url, text

from hpo.device import KERNELS
from hpo.storage.database import create_tables
from hpo.storage.embedded import EmbeddedServer
from hpo.storage.postgres import Postgres

TEMPLATE = "hpo_template"
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", KERNELS: "1"}  # whichever test imports TensorFlow first
numbers = count()

TWO_GPUS = """
[ "$1" = -L ] && exit
echo "0, GPU-11111111-aaaa, Fake 1, 16384, 550.1"
echo "1, GPU-22222222-bbbb, Fake 2, 16384, 550.1"
"""


@pytest.fixture(scope="session", autouse=True)
def heed_ctrl_c() -> None:
    """Undo what a shell does to commands in its background, whose children would ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", autouse=True)
def spare_what_was_loaded() -> None:
    """Do as a worker does: each trial collects garbage, which reads all that is not frozen."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder that the server's user may enter when root runs the tests, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def home_folder(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Hide the user's own settings and data; HPO_HOME is a folder that does not exist yet."""
    for name in [name for name in os.environ if name.startswith("HPO_")]:
        monkeypatch.delenv(name)
    folder = short_folder / f"home-{next(numbers)}"
    monkeypatch.setenv("HPO_HOME", str(folder))
    yield folder
    if Postgres(folder=folder).answers():  # its users were killed; the next one to leave stops it
        EmbeddedServer(folder).close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(short_folder: Path) -> Iterator[EmbeddedServer]:
    """One server for all tests; nothing on it is worth a flush to disk."""
    with EmbeddedServer(short_folder / "server") as server:
        run_sql(server.url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    """A database with tables, to be cloned."""
    run_sql(server.url, f"CREATE DATABASE {TEMPLATE}")
    create_tables(server.url.set(database=TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def fresh_database(server: EmbeddedServer) -> Callable[[str], AbstractContextManager[str]]:
    """Return a function that clones a database for the length of a `with`."""
    return partial(clone, server.url)


@pytest.fixture
def database_url(server: EmbeddedServer, template: str) -> Iterator[str]:
    """A fresh database with tables."""
    with clone(server.url, template) as url:
        yield url


@pytest.fixture
def empty_database_url(server: EmbeddedServer) -> Iterator[str]:
    """A fresh database without tables."""
    with clone(server.url, "template0") as url:
        yield url


@pytest.fixture
def unreachable(
    server: EmbeddedServer, database_url: str
) -> Callable[[], AbstractContextManager[None]]:
    """Return a function that cuts everybody off the test's database for the length of a `with`.

    The server runs on, as where the network is what broke.
    """
    name = make_url(database_url).database

    @contextmanager
    def cut_off() -> Iterator[None]:
        run_sql(
            server.url,
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        )
        try:
            yield
        finally:
            run_sql(server.url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    return cut_off


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that puts an nvidia-smi on the PATH: a shell script, or one of two GPUs."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    folder = tmp_path / "nvidia"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def install(script: str = TWO_GPUS) -> None:
        program = folder / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return install


@contextmanager
def clone(server: URL, template: str) -> Iterator[str]:
    name = f"hpo_test_{next(numbers)}"
    run_sql(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        run_sql(server, f"DROP DATABASE {name} WITH (FORCE)")


def run_sql(url: URL, *statements: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
