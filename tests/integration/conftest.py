"""Studies of a small, fast model of one's own, on a real database, in this process."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import pytest
from blobs import definition, write_rows
from sqlalchemy import text

from hpo.artifacts import open_artifacts
from hpo.cli import main
from hpo.data import load_dataset
from hpo.objective import build_objective
from hpo.opening import objective_of
from hpo.storage import stale
from hpo.storage.database import Database, open_storage
from hpo.study import Origin, StoredStudy, create
from hpo.worker import climber, loop
from hpo.worker.lease import Leases
from hpo.worker.signals import Stop


@pytest.fixture
def open_another(database_url: str) -> Callable[[], AbstractContextManager[Database]]:
    """Open the test's database again, as another process does."""
    return partial(open_storage, application_name="test", url=database_url)


@pytest.fixture
def database(open_another: Callable[[], AbstractContextManager[Database]]) -> Iterator[Database]:
    with open_another() as opened:
        yield opened


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path)


@pytest.fixture
def create_study(database: Database, rows: Path) -> Callable[..., StoredStudy]:
    """Create the usual study with other sections, on rows of a file."""

    def create_changed(rows: Path = rows, **changes: Any) -> StoredStudy:
        dataset, changed = load_dataset(rows), definition(**changes)
        objective = build_objective(changed, dataset, "test")
        origin = Origin(
            folder=rows.parent,
            fingerprint=dataset.fingerprint,
            label_column=-1,
            task=objective.task,
            steps=objective.steps,
        )
        return create(database, changed, origin)

    return create_changed


@pytest.fixture
def leases() -> Callable[..., Leases]:
    """Return where a worker of that name gets its trials."""

    def leases_of(stored: StoredStudy, owner: str = "me") -> Leases:
        return Leases(stored=stored, owner=owner, artifacts=open_artifacts())

    return leases_of


@pytest.fixture
def make_stale(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let an hour pass since the last heartbeats, in which the server was up."""
    always_up = stale.STALE.replace("pg_postmaster_start_time()", "to_timestamp(0)")
    monkeypatch.setattr(stale, "STALE", always_up)

    def age() -> None:
        with database.engine.begin() as connection:
            older = "UPDATE trial_heartbeats SET heartbeat = heartbeat - interval '1 hour'"
            connection.execute(text(older))

    return age


@pytest.fixture
def stale_ids(database: Database) -> Callable[[], list[int]]:
    """Return the trials of the first study that seem to have lost their workers."""

    def ids() -> list[int]:
        with database.engine.connect() as connection:
            return stale.stale_trial_ids(connection, 1)

    return ids


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Work on a study as `hpo worker` does."""
    monkeypatch.setattr(loop, "IDLE", 0.05)
    monkeypatch.setattr(climber, "BATCH", 0.0)  # so that each step is written as it is reported

    def serve(stored: StoredStudy, stop: Stop | None = None) -> None:
        objective = objective_of(stored)
        loop.serve(loop.prepare_service(stored, objective, open_artifacts(), stop or Stop()))

    return serve


class Said(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def hpo(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Said]]:
    """Call the command line in the folder of the test, in this process."""
    monkeypatch.setenv("HPO_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    variables, verbosity = dict(os.environ), optuna.logging.get_verbosity()
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGHUP)]

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["hpo", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code
        return Said(code, *capfd.readouterr())

    yield call
    os.environ.clear()
    os.environ.update(variables)
    optuna.logging.set_verbosity(verbosity)
    for number, handler in handlers:
        signal.signal(number, handler)
