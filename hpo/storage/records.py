"""Optuna's storage, read quickly: studies have many trials, and most of them may wait."""

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import ARRAY, Connection, Integer, Row, any_, bindparam, or_, select

from hpo.storage.times import as_optuna

STUDIES, TRIALS = models.StudyModel.__table__, models.TrialModel.__table__

PARTS = {  # of a trial, as Optuna calls them
    "params": models.TrialParamModel.__table__,
    "values": models.TrialValueModel.__table__,
    "user_attributes": models.TrialUserAttributeModel.__table__,
    "system_attributes": models.TrialSystemAttributeModel.__table__,
    "intermediate_values": models.TrialIntermediateValueModel.__table__,
}


@dataclass(frozen=True)
class _Waiting:
    """A trial that a worker has let go of, as it was read."""

    since: datetime  # when that worker took it
    trial: FrozenTrial


class _Stored:
    """A trial's rows, for Optuna's own code that makes a trial of them."""

    def __init__(self, row: Row[Any], parts: dict[str, list[Row[Any]]]) -> None:
        self.trial_id, self.number, self.state = row.trial_id, row.number, row.state
        self.datetime_start = _local(row.datetime_start)
        self.datetime_complete = _local(row.datetime_complete)
        for name in PARTS:
            setattr(self, name, parts[name])


class Records(RDBStorage):
    """Reads trials without SQLAlchemy's objects for each row, and a trial that waits only once.

    Optuna's cache reads every unfinished trial with all of its values each time that it is asked,
    since others may have written to it. Where trials wait at a rung, those are most of a study.
    But nobody writes to a trial that waits, save who takes it, and that sets its start anew; what
    people note with it in another process is seen then.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[int, _Waiting] = {}  # by their ids

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of a trial, and read that trial again."""
        super().set_trial_user_attr(trial_id, key, value)
        self._waiting.pop(trial_id, None)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of a trial, and read that trial again."""
        super().set_trial_system_attr(trial_id, key, value)
        self._waiting.pop(trial_id, None)

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Return the trials after one, and those of the given ids, in the order of their ids."""
        asked = or_(
            TRIALS.c.trial_id > trial_id_greater_than,
            TRIALS.c.trial_id == _one_of(sorted(included_trial_ids)),
        )
        statement = select(TRIALS).where(TRIALS.c.study_id == study_id, asked)
        with self.engine.connect() as connection:
            rows = connection.execute(statement.order_by(TRIALS.c.trial_id)).all()
            if not rows:
                _require_study(connection, study_id)
            wanted = [row for row in rows if states is None or row.state in states]
            known = {row.trial_id: self._known(row) for row in wanted}
            unread = [trial_id for trial_id, trial in known.items() if trial is None]
            parts = {name: _by_trial(connection, name, unread) for name in PARTS}
        return [
            known[row.trial_id]
            or self._built(row, {name: parts[name].get(row.trial_id, []) for name in PARTS})
            for row in wanted
        ]

    def _known(self, row: Row[Any]) -> FrozenTrial | None:
        """Return a trial that still waits as it did when it was read."""
        if row.state is not TrialState.WAITING or row.trial_id not in self._waiting:
            return None
        waiting = self._waiting[row.trial_id]
        return waiting.trial if waiting.since == row.datetime_start else None

    def _built(self, row: Row[Any], parts: dict[str, list[Row[Any]]]) -> FrozenTrial:
        stored = cast("models.TrialModel", _Stored(row, parts))
        trial: FrozenTrial = self._build_frozen_trial_from_trial_model(stored)
        # What others have written to it since its own row was read came with another start.
        if row.state is TrialState.WAITING and row.datetime_start is not None:
            self._waiting[row.trial_id] = _Waiting(row.datetime_start, trial)
        return trial


def _by_trial(connection: Connection, part: str, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    """Return the rows of a part, by the trials that they belong to."""
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    if ids:
        table = PARTS[part]
        statement = (
            select(table).where(table.c.trial_id == _one_of(ids)).order_by(*table.primary_key)
        )
        for row in connection.execute(statement):
            found[row.trial_id].append(row)
    return found


def _one_of(ids: Sequence[int]) -> Any:
    return any_(bindparam(None, ids, ARRAY(Integer)))


def _require_study(connection: Connection, study_id: int) -> None:
    """Do nothing where there is such a study, which has no trials then.

    Raises:
        KeyError: somebody has deleted it.
    """
    if connection.execute(select(STUDIES).where(STUDIES.c.study_id == study_id)).first() is None:
        raise KeyError(f"no study has the id {study_id}")


def _local(time: datetime | None) -> datetime | None:
    """Return a time as Optuna gives times; the tables hold UTC without a zone."""
    return time and as_optuna(time.replace(tzinfo=UTC))
