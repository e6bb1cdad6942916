"""Studies with so many trials, made in a moment: one is really run, the others are its copies."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from server import Server, connected
from sqlalchemy import URL, text

from hpo.artifacts import open_artifacts
from hpo.opening import objective_of, read_draft, store
from hpo.storage.database import create_tables, open_storage
from hpo.study import StoredStudy, load_study, trials_of
from hpo.worker.loop import prepare_service, serve
from hpo.worker.signals import Stop

STUDY = "empty"
DEFINITION = Path(__file__).with_name(f"{STUDY}.toml")
STEPS = 30
MODEL = 1  # the key of the trial that was really run

# What belongs to a trial, beside its key.
TABLES = {
    "trial_params": "param_name, param_value, distribution_json",
    "trial_user_attributes": "key, value_json",
    "trial_system_attributes": "key, value_json",
    "trial_heartbeats": "heartbeat",
    "trial_intermediate_values": "step, intermediate_value, intermediate_value_type",
    "trial_values": "objective, value, value_type",
}

# What a trial has of it that is in its middle.
HALF = {
    "trial_user_attributes": "key <> 'runs'",
    "trial_intermediate_values": f"step <= {STEPS // 2}",
    "trial_values": "FALSE",
}

TRIALS = f"""
INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete)
SELECT (SELECT count(*) FROM trials) + place, study_id, state, datetime_start, datetime_complete
FROM trials, generate_series(0, :count - 1) AS place WHERE trial_id = {MODEL}
"""
RUNNING = (
    "UPDATE trials SET state = 'RUNNING', datetime_complete = NULL WHERE number >= :first",
    "UPDATE trial_heartbeats AS beat SET heartbeat = heartbeat + interval '1 day' "
    "FROM trials WHERE trials.trial_id = beat.trial_id AND number >= :first",
)
FORGET = [f"DELETE FROM {table} WHERE trial_id = {MODEL}" for table in (*TABLES, "trials")]


def seed(server: Server, folder: Path, finished: int, running: int) -> str:
    """Make a database whose study has so many trials, and give its name; folder holds its rows.

    The running ones are in their middle, and their worker never counts as dead.
    """
    name = f"finished_{finished}_running_{running}"
    server.create(name)
    _run_one(server.url(name), folder)
    with connected(server.url(name)) as connection:

        def add(count: int, conditions: Mapping[str, str], *more: str) -> None:
            first = connection.scalar(text("SELECT count(*) FROM trials"))
            connection.execute(text(TRIALS), {"count": count})
            for statement in (*_parts(conditions), *more):
                connection.execute(text(statement), {"first": first})

        add(finished - 1, {})
        add(running, HALF, *RUNNING)
        for statement in FORGET if finished == 0 else ():
            connection.execute(text(statement))
        connection.execute(text("VACUUM ANALYZE"))
    return name


def _parts(conditions: Mapping[str, str]) -> list[str]:
    return [
        f"INSERT INTO {table} (trial_id, {columns}) "
        f"SELECT trials.trial_id, {columns} FROM trials, {table} AS model "
        f"WHERE model.trial_id = {MODEL} AND number >= :first AND {conditions.get(table, 'TRUE')}"
        for table, columns in TABLES.items()
    ]


def _run_one(url: URL, folder: Path) -> None:
    """Create the study, and run its first trial as a worker does."""
    np.save(folder / "rows.npy", np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32))
    os.environ["HPO_DATA"] = str(folder)
    create_tables(url)
    with open_storage(application_name="seeding", url=plain(url)) as database:
        store(database, read_draft(DEFINITION))
        stored = load_study(database, STUDY)
        serve(prepare_service(stored, objective_of(stored), open_artifacts(), _AfterOne(stored)))


def plain(url: URL) -> str:
    """Spell out a URL."""
    return url.render_as_string(hide_password=False)


class _AfterOne(Stop):
    """Says to stop as soon as a trial has ended."""

    def __init__(self, stored: StoredStudy) -> None:
        super().__init__()
        self._stored = stored

    @property
    def requested(self) -> bool:
        return any(trial.state.is_finished() for trial in trials_of(self._stored))
