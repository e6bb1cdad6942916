"""The raw ceiling: the rows that a trial leaves, committed by pgbench, which does nothing else."""

import re
import subprocess
from pathlib import Path

from seeding import MODEL, STEPS, TABLES
from server import Server
from sqlalchemy import URL

from hpo.storage.programs import Programs

SECONDS = 6

BEGIN = (
    "INSERT INTO trials (number, study_id, state, datetime_start) "
    f"SELECT number, study_id, 'RUNNING', now() FROM trials WHERE trial_id = {MODEL} "
    "RETURNING trial_id \\gset"
)
END = "UPDATE trials SET state = 'COMPLETE', datetime_complete = now() WHERE trial_id = :trial_id;"


def _copy(table: str, condition: str = "TRUE") -> str:
    columns = TABLES[table]
    return (
        f"INSERT INTO {table} (trial_id, {columns}) SELECT :trial_id, {columns} "
        f"FROM {table} WHERE trial_id = {MODEL} AND {condition};"
    )


def _committed(*statements: str) -> str:
    return "\n".join(["BEGIN;", *statements, "COMMIT;", ""])


TAKEN = (BEGIN, _copy("trial_heartbeats"), _copy("trial_system_attributes"))
CHOSEN = (_copy("trial_params"), _copy("trial_user_attributes"))
REPORTED = _copy("trial_intermediate_values")
ENDED = (_copy("trial_values"), END)
EACH = (_copy("trial_intermediate_values", f"step = {step}") + "\n" for step in range(1, STEPS + 1))

# How a trial's rows are committed.
SCRIPTS = {
    "one commit a trial": _committed(*TAKEN, *CHOSEN, REPORTED, *ENDED),
    "three commits, as hpo": _committed(*TAKEN)
    + _committed(*CHOSEN)
    + _committed(REPORTED, *ENDED),
    "a commit for each step": _committed(*TAKEN)
    + _committed(*CHOSEN)
    + "".join(EACH)
    + _committed(*ENDED),
}


def ceiling(server: Server, folder: Path, database: str, script: str, clients: int) -> float:
    """Return the trials per second that so many clients commit."""
    file = folder / "trial.sql"
    file.write_text(SCRIPTS[script])
    with server.copied(database) as url:
        done = subprocess.run(
            [str(Programs.find(folder).binaries / "pgbench"), *_options(url, clients), f"-f{file}"],
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    return float(found[1])


def _options(url: URL, clients: int) -> list[str]:
    where = [f"--host={url.query['host']}", f"--port={url.port}", f"--username={url.username}"]
    load = ["--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2"]
    return [*where, *load, f"--time={SECONDS}", f"{url.database}"]
