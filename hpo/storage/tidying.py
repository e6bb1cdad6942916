"""Cleaning up when a study ends: trials that wait at rungs, checkpoints that are still named."""

from sqlalchemy import Connection, text

from hpo.storage.keys import CHECKPOINT, PAUSED
from hpo.storage.ownership import NOW

PRUNE_PAUSED = f"""
WITH waiting AS (
    SELECT trial_id FROM trials JOIN trial_system_attributes USING (trial_id)
    WHERE study_id = :study_id AND state = 'WAITING' AND key = '{PAUSED}'
    FOR UPDATE OF trials
),
ended AS (
    UPDATE trials SET state = 'PRUNED', datetime_complete = {NOW}
    FROM waiting WHERE trials.trial_id = waiting.trial_id
)
INSERT INTO trial_values (trial_id, objective, value, value_type)
SELECT DISTINCT ON (trial_id)
    trial_id, 0, intermediate_value, CAST('FINITE' AS trialvaluetype)
FROM waiting JOIN trial_intermediate_values USING (trial_id)
ORDER BY trial_id, step DESC
"""


def prune_paused(connection: Connection, study_id: int) -> None:
    """Prune the trials that wait at a rung, with the values that they reported last.

    In one statement: one by one, thousands would take longer than the study's lock may be held.
    """
    connection.execute(text(PRUNE_PAUSED), {"study_id": study_id})


ENDED_WITH_CHECKPOINT = f"""
SELECT trial_id, number FROM trials JOIN trial_system_attributes USING (trial_id)
WHERE study_id = :study_id AND state IN ('COMPLETE', 'PRUNED', 'FAIL')
  AND key = '{CHECKPOINT}' AND value_json <> 'null'
ORDER BY number
"""


def ended_with_checkpoint(connection: Connection, study_id: int) -> list[tuple[int, int]]:
    """Return the ids and the numbers of ended trials that still name a checkpoint."""
    found = connection.execute(text(ENDED_WITH_CHECKPOINT), {"study_id": study_id})
    return [(trial_id, number) for trial_id, number in found]


UNNAME_CHECKPOINT = f"""
DELETE FROM trial_system_attributes WHERE trial_id = :trial_id AND key = '{CHECKPOINT}'
"""


def unname_checkpoint(connection: Connection, trial_id: int) -> None:
    """Delete the attribute that names a trial's checkpoint, also of an ended trial."""
    connection.execute(text(UNNAME_CHECKPOINT), {"trial_id": trial_id})
