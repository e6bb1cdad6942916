"""Writes to a trial by its owner: single statements that do nothing for anybody else.

Optuna lets any process write to any trial. Here each statement first locks the trial and the row
that names its owner, so a worker that was frozen, cut off or slow changes nothing once it has lost
the trial. All times are the database's. Each statement is idempotent: a worker that does not know
whether it arrived sends it again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import TrialState
from sqlalchemy import text

from hpo.errors import LeaseLost
from hpo.storage.database import Database
from hpo.storage.failures import database_errors
from hpo.storage.keys import CONTROL, DEFINITION, OWNER, RUNS

ENDED = "has ended it"  # appended to the owner's name at the end, to recognise a repeated statement

# The tables hold UTC without a zone. Not now(): the transaction may have begun long before, and
# waited for a lock since.
NOW = "(statement_timestamp() AT TIME ZONE 'utc')"

# Appends a run, which has ended, to those before it.
RUN = f"""
run AS (
    INSERT INTO trial_user_attributes AS attribute (trial_id, key, value_json)
    SELECT trial_id, '{RUNS}', jsonb_build_array(jsonb_build_array(
        extract(epoch FROM datetime_start AT TIME ZONE 'utc'),
        extract(epoch FROM ended AT TIME ZONE 'utc')
    )) #>> '{{}}' FROM runs
    ON CONFLICT (trial_id, key) DO UPDATE SET value_json =
        (CAST(attribute.value_json AS jsonb) || CAST(EXCLUDED.value_json AS jsonb)) #>> '{{}}'
)"""

MINE = f"""
mine AS (
    SELECT trial_id, study_id, datetime_start
    FROM trials JOIN trial_system_attributes AS owner USING (trial_id)
    WHERE trial_id = :trial_id AND state = 'RUNNING'
      AND owner.key = '{OWNER}' AND owner.value_json = :owner
    FOR UPDATE
)"""

ATTRIBUTES = """
{name} AS (
    INSERT INTO {table} (trial_id, key, value_json)
    SELECT trial_id, given.key, given.value
    FROM mine, unnest(CAST(:{name}_keys AS text[]), CAST(:{name}_json AS text[])) given (key, value)
    ON CONFLICT (trial_id, key) DO UPDATE SET value_json = EXCLUDED.value_json
)"""
USER = ATTRIBUTES.format(name="user_attrs", table="trial_user_attributes")
SYSTEM = ATTRIBUTES.format(name="system_attrs", table="trial_system_attributes")

BEAT = f"""
beat AS (
    INSERT INTO trial_heartbeats (trial_id, heartbeat) SELECT trial_id, {NOW} FROM mine
    ON CONFLICT (trial_id) DO UPDATE SET heartbeat = EXCLUDED.heartbeat
)"""

REPORTED = """
reported AS (
    INSERT INTO trial_intermediate_values
        (trial_id, step, intermediate_value, intermediate_value_type)
    SELECT trial_id, step, value, CAST('FINITE' AS trialintermediatevaluetype)
    FROM mine, unnest(CAST(:steps AS int[]), CAST(:values AS float8[])) AS given (step, value)
    ON CONFLICT (trial_id, step) DO UPDATE SET intermediate_value = EXCLUDED.intermediate_value
)"""

PARAMS = """
chosen AS (
    INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)
    SELECT trial_id, name, value, distribution
    FROM mine, unnest(
        CAST(:param_names AS text[]), CAST(:param_values AS float8[]),
        CAST(:distributions AS text[])
    ) AS given (name, value, distribution)
    ON CONFLICT (trial_id, param_name) DO NOTHING
)"""

WRITE = f"""
WITH {MINE}, {BEAT}, {REPORTED}, {PARAMS}, {USER}, {SYSTEM}
SELECT control.value_json, CAST(definition.value_json AS jsonb) #>> '{{budget,wall_time}}'
FROM mine LEFT JOIN study_user_attributes AS control
    ON control.study_id = mine.study_id AND control.key = '{CONTROL}'
LEFT JOIN study_user_attributes AS definition
    ON definition.study_id = mine.study_id AND definition.key = '{DEFINITION}'
"""

END = f"""
WITH {MINE}, {REPORTED}, {USER}, {SYSTEM},
ended AS (
    UPDATE trials SET state = CAST(:state AS trialstate),
        datetime_complete = CASE WHEN :finished THEN {NOW} END
    FROM mine WHERE trials.trial_id = mine.trial_id
),
signed AS (
    UPDATE trial_system_attributes AS owner SET value_json = :ended_by
    FROM mine WHERE owner.trial_id = mine.trial_id AND owner.key = '{OWNER}'
),
valued AS (
    INSERT INTO trial_values (trial_id, objective, value, value_type)
    SELECT trial_id, 0, :value, CAST('FINITE' AS trialvaluetype)
    FROM mine WHERE CAST(:value AS float8) IS NOT NULL
),
runs AS (SELECT trial_id, datetime_start, {NOW} AS ended FROM mine), {RUN}
SELECT EXISTS (SELECT FROM mine) OR EXISTS (
    SELECT FROM trials JOIN trial_system_attributes AS owner USING (trial_id)
    WHERE trial_id = :trial_id AND state = CAST(:state AS trialstate)
      AND owner.key = '{OWNER}' AND owner.value_json = :ended_by
)
"""


@dataclass(frozen=True, kw_only=True)
class Writing:
    """What an owner writes to its trial in one statement."""

    reports: Mapping[int, float] = field(default_factory=dict)  # finite values by step
    params: Mapping[str, tuple[float, str]] = field(default_factory=dict)  # as Optuna stores them
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    system_attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, list[Any]]:
        """The parameters of the statements."""
        return {
            "steps": list(self.reports),
            "values": list(self.reports.values()),
            "param_names": list(self.params),
            "param_values": [value for value, _ in self.params.values()],
            "distributions": [distribution for _, distribution in self.params.values()],
            "user_attrs_keys": list(self.user_attrs),
            "user_attrs_json": list(map(json.dumps, self.user_attrs.values())),
            "system_attrs_keys": list(self.system_attrs),
            "system_attrs_json": list(map(json.dumps, self.system_attrs.values())),
        }


NOTHING = Writing()


@dataclass(frozen=True, kw_only=True)
class OwnedTrial:
    """A trial and the name under which it is owned."""

    database: Database
    trial_id: int
    number: int
    owner: str

    def write(self, writing: Writing = NOTHING) -> tuple[Any, str | None]:
        """Write to the trial, with a heartbeat.

        Returns the study's control and the wall time of its budget, both as they are stored.

        Raises:
            LeaseLost: another worker owns the trial, or it was ended or deleted.
            DatabaseError: the database refused, or is away.
        """
        row = self._execute(WRITE, **writing.parameters)
        if row is None:
            raise LeaseLost(f"trial {self.number} is no longer this worker's")
        control, wall_time = row
        return None if control is None else json.loads(control), wall_time

    def end(self, state: TrialState, value: float | None, writing: Writing = NOTHING) -> None:
        """End the trial, or hand it back as WAITING; `writing` is written too, except params.

        Raises:
            LeaseLost: another worker owns the trial, or it was ended or deleted.
            DatabaseError: the database refused, or is away.
        """
        ended = {
            "state": state.name,
            "finished": state.is_finished(),
            "value": value,
            "ended_by": json.dumps(f"{self.owner} {ENDED}"),
        }
        row = self._execute(END, **ended, **writing.parameters)
        if row is None or not row[0]:
            raise LeaseLost(f"trial {self.number} is no longer this worker's")

    def _execute(self, statement: str, **parameters: Any) -> Any:
        whose = {"trial_id": self.trial_id, "owner": json.dumps(self.owner)}
        with database_errors(), self.database.engine.begin() as connection:
            return connection.execute(text(statement), parameters | whose).one_or_none()
