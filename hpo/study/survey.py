"""A survey of all studies in one statement: which of them may want workers, and in which order."""

import json
from dataclasses import dataclass

from sqlalchemy import text

from hpo.storage.database import Database
from hpo.storage.failures import database_errors
from hpo.storage.keys import CONTROL, DEFINITION
from hpo.study.control import Control, Want

SURVEY = """
SELECT study_name, definition.value_json, control.value_json, trials.*
FROM studies
JOIN study_user_attributes AS definition
    ON definition.study_id = studies.study_id AND definition.key = :definition
LEFT JOIN study_user_attributes AS control
    ON control.study_id = studies.study_id AND control.key = :control
CROSS JOIN LATERAL (
    SELECT count(*) AS all, count(*) FILTER (WHERE state = 'WAITING') AS waiting,
        count(*) FILTER (WHERE state = 'RUNNING') AS running,
        coalesce(extract(epoch FROM max(datetime_start)), 0) AS begun
    FROM trials WHERE trials.study_id = studies.study_id
) AS trials
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A study that is neither paused nor stopped, as a survey sees it.

    Two of them are equal if nothing about the study has changed in between.
    """

    name: str
    priority: int
    definition: str  # as stored, in JSON
    control: str | None  # as stored, in JSON
    trials: int  # how many, in any state
    waiting: int
    running: int
    begun: float  # when the last of its trials was taken, in POSIX seconds; 0 if none was

    @property
    def turn(self) -> tuple[int, int, float]:
        """A sort key for the order of turns.

        The highest priority first, then the fewest workers, then the longest wait for one.
        """
        return -self.priority, self.running, self.begun


def survey(database: Database) -> list[Seen]:
    """Read the studies that may want workers, in the order of their turns."""
    with database_errors(), database.engine.connect() as connection:
        keys = {"definition": DEFINITION, "control": CONTROL}
        rows = connection.execute(text(SURVEY), keys).all()
    found = [
        Seen(
            name=name,
            priority=json.loads(definition)["priority"],
            definition=definition,
            control=control,
            trials=trials,
            waiting=waiting,
            running=running,
            begun=float(begun),
        )
        for name, definition, control, trials, waiting, running, begun in rows
        if Control.read(control and json.loads(control)).want is Want.RUN
    ]
    return sorted(found, key=lambda seen: seen.turn)
