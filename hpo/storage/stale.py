"""Stale trials: those that run without a worker."""

import json
import os

from sqlalchemy import Connection, text

from hpo.errors import InputError
from hpo.storage.keys import ERROR, LOSSES
from hpo.storage.ownership import NOW, RUN

GRACE_VARIABLE = "HPO_GRACE"
DEFAULT_GRACE = 60.0  # seconds: a dead worker's trial is free again after a minute
BEATS = 6  # per grace period, so that some may be missed
MOST_LOSSES = 3  # workers that may die at the same step of a trial before it fails

OF_SILENT = f"""
FROM trials JOIN trial_heartbeats AS beat USING (trial_id)
WHERE study_id = :study_id AND state = 'RUNNING'
  AND heartbeat < {NOW} - make_interval(secs => :grace)
"""
SILENT = f"SELECT number, extract(epoch FROM heartbeat AT TIME ZONE 'utc') {OF_SILENT}"

# A database that was down has missed heartbeats: the grace period begins again when it starts.
STALE = f"""
SELECT trial_id {OF_SILENT}
  AND pg_postmaster_start_time() AT TIME ZONE 'utc' < {NOW} - make_interval(secs => :grace)
ORDER BY trial_id FOR UPDATE
"""

# The run ends with the last heartbeat. A loss after a new step counts as the first one: it was not
# the trial that killed the worker before.
FREE = f"""
WITH steps AS (
    SELECT count(*) AS done FROM trial_intermediate_values WHERE trial_id = :trial_id
),
before AS (
    SELECT CAST(value_json AS jsonb) AS losses FROM trial_system_attributes
    WHERE trial_id = :trial_id AND key = '{LOSSES}'
),
lost AS (
    SELECT done, 1 + coalesce((
        SELECT CAST(losses -> 'count' AS int) FROM before
        WHERE CAST(losses -> 'steps' AS int) = done
    ), 0) AS count FROM steps
),
kept AS (
    INSERT INTO trial_system_attributes (trial_id, key, value_json)
    SELECT :trial_id, '{LOSSES}', json_build_object('count', count, 'steps', done) #>> '{{}}'
    FROM lost
    ON CONFLICT (trial_id, key) DO UPDATE SET value_json = EXCLUDED.value_json
),
freed AS (
    UPDATE trials SET
        state = CAST(CASE WHEN lost.count < :most THEN 'WAITING' ELSE 'FAIL' END AS trialstate),
        datetime_complete = CASE WHEN lost.count < :most THEN NULL ELSE {NOW} END
    FROM lost WHERE trial_id = :trial_id
),
told AS (
    INSERT INTO trial_user_attributes (trial_id, key, value_json)
    SELECT :trial_id, '{ERROR}', :reason FROM lost WHERE lost.count >= :most
    ON CONFLICT (trial_id, key) DO UPDATE SET value_json = EXCLUDED.value_json
),
runs AS (
    SELECT trial_id, datetime_start, greatest(datetime_start, heartbeat) AS ended
    FROM trials JOIN trial_heartbeats USING (trial_id) WHERE trial_id = :trial_id
), {RUN}
SELECT number, lost.count FROM trials, lost WHERE trial_id = :trial_id
"""


def grace_period() -> float:
    """Return for how many seconds a worker may be silent before its trial is stale.

    Raises:
        InputError: HPO_GRACE is not a number of seconds in its limits.
    """
    given = os.environ.get(GRACE_VARIABLE)
    try:
        period = float(given or DEFAULT_GRACE)
    except ValueError:
        period = 0.0
    if not 1 <= period <= 86_400:
        raise InputError(f"{GRACE_VARIABLE}: {given} is not valid: give seconds, from 1 to 86400")
    return period


def silent_since(connection: Connection, study_id: int) -> dict[int, float]:
    """Return when running trials had their last heartbeat, if that is older than the grace period.

    By trial number, in POSIX seconds.
    """
    found = connection.execute(text(SILENT), {"study_id": study_id, "grace": grace_period()})
    return {number: float(heard) for number, heard in found}


def stale_trial_ids(connection: Connection, study_id: int) -> list[int]:
    """Return the ids of stale trials, and lock them.

    The database's clock decides, so the clocks of the workers may differ.
    """
    found = connection.execute(text(STALE), {"study_id": study_id, "grace": grace_period()})
    return list(found.scalars())


def free(connection: Connection, trial_id: int) -> tuple[int, int]:
    """Let a stale trial wait for another worker, or fail it if it has lost too many.

    Returns its number and how many workers it has lost since its last step.
    """
    parameters = {
        "trial_id": trial_id,
        "most": MOST_LOSSES,
        "reason": json.dumps(f"{MOST_LOSSES} workers died at the same step of it"),
    }
    number, count = connection.execute(text(FREE), parameters).one()
    return int(number), int(count)
