"""Deleting a study's rows. Optuna would load each of them first: seconds per thousand trials."""

import json
from typing import Any

from sqlalchemy import Connection, text

OF_TRIALS = (
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
    "trial_heartbeats",
)
OF_STUDIES = (
    "trials",
    "study_directions",
    "study_user_attributes",
    "study_system_attributes",
    "studies",
)


# Owners lock their trial before they write, so none of them writes in between.
LOCK = "SELECT FROM trials WHERE study_id = :study_id FOR UPDATE"
OF_TRIAL = """
DELETE FROM {} AS one USING trials WHERE one.trial_id = trials.trial_id AND study_id = :study_id
"""
OF_STUDY = "DELETE FROM {} WHERE study_id = :study_id"


NAMED = """
SELECT value_json FROM trial_system_attributes JOIN trials USING (trial_id)
WHERE study_id = :study_id AND starts_with(key, :prefix)
UNION ALL
SELECT value_json FROM study_system_attributes
WHERE study_id = :study_id AND starts_with(key, :prefix)
"""


def values_named(connection: Connection, study_id: int, prefix: str) -> list[Any]:
    """Read the system attributes of a study and its trials whose keys begin with a prefix."""
    found = connection.execute(text(NAMED), {"study_id": study_id, "prefix": prefix})
    return [json.loads(value) for value in found.scalars()]


def delete_study(connection: Connection, study_id: int) -> None:
    """Delete all rows of a study; its workers notice with their next statement."""
    for statement in (LOCK, *map(OF_TRIAL.format, OF_TRIALS), *map(OF_STUDY.format, OF_STUDIES)):
        connection.execute(text(statement), {"study_id": study_id})
