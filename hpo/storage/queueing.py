"""Queueing trials as Optuna's `enqueue_trial` does, but all of them or none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from hpo.storage.keys import GIVEN

QUEUE = f"""
WITH counted AS (SELECT count(*) AS before FROM trials WHERE study_id = :study_id),
given AS (
    SELECT before + place - 1 AS number, fixed, CAST(attrs AS jsonb) AS attrs
    FROM counted, unnest(CAST(:fixed AS text[]), CAST(:attrs AS text[]))
        WITH ORDINALITY AS each (fixed, attrs, place)
),
added AS (
    INSERT INTO trials (number, study_id, state)
    SELECT number, :study_id, 'WAITING' FROM given RETURNING trial_id, number
),
fixed AS (
    INSERT INTO trial_system_attributes (trial_id, key, value_json)
    SELECT trial_id, '{GIVEN}', fixed FROM added JOIN given USING (number)
)
INSERT INTO trial_user_attributes (trial_id, key, value_json)
SELECT trial_id, attr.key, CAST(attr.value AS text)
FROM added JOIN given USING (number), jsonb_each(attrs) AS attr
"""


@dataclass(frozen=True, kw_only=True)
class NewTrial:
    """A trial to queue."""

    values: Mapping[str, Any]
    user_attrs: Mapping[str, Any] = field(default_factory=dict)


def queue(connection: Connection, study_id: int, trials: Sequence[NewTrial]) -> None:
    """Queue trials in this order, with the next numbers of the study."""
    parameters = {
        "study_id": study_id,
        "fixed": [json.dumps(trial.values) for trial in trials],
        "attrs": [json.dumps(trial.user_attrs) for trial in trials],
    }
    connection.execute(text(QUEUE), parameters)
