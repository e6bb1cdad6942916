"""Taking a new or a waiting trial, under the study's lock."""

import json

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, text

from hpo.storage.keys import GRANTED, OWNER, PAUSED
from hpo.storage.numbering import number_exclusively
from hpo.storage.ownership import NOW
from hpo.storage.times import as_optuna

BEGIN = f"""
WITH counted AS (
    SELECT count(*) AS number, count(*) FILTER (WHERE state = 'WAITING') AS waiting
    FROM trials WHERE study_id = :study_id
),
begun AS (
    INSERT INTO trials (number, study_id, state, datetime_start)
    SELECT number, :study_id, 'RUNNING', {NOW} FROM counted
    WHERE (waiting = 0 OR :despite_waiting) AND number < coalesce(:most, number + 1)
    RETURNING trial_id, number
),
beat AS (INSERT INTO trial_heartbeats (trial_id, heartbeat) SELECT trial_id, {NOW} FROM begun),
owned AS (
    INSERT INTO trial_system_attributes (trial_id, key, value_json)
    SELECT trial_id, '{OWNER}', :owner FROM begun
),
granted AS (
    INSERT INTO trial_system_attributes (trial_id, key, value_json)
    SELECT trial_id, '{GRANTED}', CAST(:grant AS text) FROM begun WHERE :grant IS NOT NULL
)
SELECT trial_id, number, statement_timestamp() FROM begun
"""

TAKE = f"""
WITH taken AS (
    UPDATE trials SET state = 'RUNNING', datetime_start = {NOW}
    WHERE trial_id = :trial_id AND state = 'WAITING' RETURNING trial_id, number
),
beat AS (
    INSERT INTO trial_heartbeats (trial_id, heartbeat) SELECT trial_id, {NOW} FROM taken
    ON CONFLICT (trial_id) DO UPDATE SET heartbeat = EXCLUDED.heartbeat
),
owned AS (
    INSERT INTO trial_system_attributes (trial_id, key, value_json)
    SELECT trial_id, '{OWNER}', :owner FROM taken
    ON CONFLICT (trial_id, key) DO UPDATE SET value_json = EXCLUDED.value_json
),
cleared AS (
    DELETE FROM trial_system_attributes USING taken
    WHERE trial_system_attributes.trial_id = taken.trial_id AND key = '{PAUSED}'
),
granted AS (
    INSERT INTO trial_system_attributes (trial_id, key, value_json)
    SELECT trial_id, '{GRANTED}', CAST(:grant AS text) FROM taken WHERE :grant IS NOT NULL
    ON CONFLICT (trial_id, key) DO UPDATE SET value_json = EXCLUDED.value_json
)
SELECT trial_id FROM taken
"""

OWNED = f"""
SELECT trial_id FROM trials JOIN trial_system_attributes AS owner USING (trial_id)
WHERE study_id = :study_id AND state = 'RUNNING'
  AND owner.key = '{OWNER}' AND owner.value_json = :owner
"""


def begin(
    connection: Connection,
    study_id: int,
    owner: str,
    *,
    most: int | None = None,
    despite_waiting: bool = False,
    grant: int | None = None,
) -> FrozenTrial | None:
    """Begin and own a new trial; None if one waits or the study has `most` trials.

    With `despite_waiting` it begins even if one waits. `grant` is the step up to which it may
    climb, where the budget counts steps.
    """
    parameters = {
        "study_id": study_id,
        "owner": json.dumps(owner),
        "most": most,
        "despite_waiting": despite_waiting,
        "grant": grant,
    }
    number_exclusively(connection, study_id)
    row = connection.execute(text(BEGIN), parameters).one_or_none()
    if row is None:
        return None
    trial_id, number, now = row
    return FrozenTrial(
        number=number,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=as_optuna(now),
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={OWNER: owner},
        intermediate_values={},
        trial_id=trial_id,
    )


def take(connection: Connection, trial_id: int, owner: str, *, grant: int | None) -> int | None:
    """Own a waiting trial, and return its id; None if it does not wait any more.

    It may climb up to step `grant`; None leaves its grant as it is.
    """
    parameters = {"trial_id": trial_id, "owner": json.dumps(owner), "grant": grant}
    taken: int | None = connection.execute(text(TAKE), parameters).scalar_one_or_none()
    return taken


def owned(connection: Connection, study_id: int, owner: str) -> int | None:
    """Return the id of the trial that an owner has; it may not know if an answer was lost."""
    parameters = {"study_id": study_id, "owner": json.dumps(owner)}
    return connection.execute(text(OWNED), parameters).scalar_one_or_none()
