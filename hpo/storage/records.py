"""Optuna's storage with fast reads, for studies of many trials of which most may wait."""

import copy
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

PARTS = {  # the attributes of Optuna's trial model, with their tables
    "params": models.TrialParamModel.__table__,
    "values": models.TrialValueModel.__table__,
    "user_attributes": models.TrialUserAttributeModel.__table__,
    "system_attributes": models.TrialSystemAttributeModel.__table__,
    "intermediate_values": models.TrialIntermediateValueModel.__table__,
}


@dataclass(frozen=True)
class _Waiting:
    """A waiting trial that was read before."""

    since: datetime  # when its last worker took it
    trial: FrozenTrial


class _Stored:
    """A trial's rows in the form of Optuna's TrialModel, from which it builds a FrozenTrial."""

    def __init__(self, row: Row[Any], parts: dict[str, list[Row[Any]]]) -> None:
        self.trial_id, self.number, self.state = row.trial_id, row.number, row.state
        self.datetime_start = _local(row.datetime_start)
        self.datetime_complete = _local(row.datetime_complete)
        for name in PARTS:
            setattr(self, name, parts[name])


class Records(RDBStorage):
    """Reads trials without SQLAlchemy's ORM, and a waiting trial only once.

    Optuna's cache reads each unfinished trial with all of its values every time, since others may
    have written to it. Where trials wait at rungs, those are most of a study. But only taking it
    changes a waiting trial, and that sets a new start; a note that another process writes to it is
    not seen before.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[int, _Waiting] = {}  # by their ids

    def with_own_cache(self) -> "Records":
        """Return the same storage, over the same connections, with another memory of trials."""
        other = copy.copy(self)
        other._waiting = {}  # noqa: SLF001 - its own kind
        return other

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of a trial, which is then read again."""
        super().set_trial_user_attr(trial_id, key, value)
        self._waiting.pop(trial_id, None)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of a trial, which is then read again."""
        super().set_trial_system_attr(trial_id, key, value)
        self._waiting.pop(trial_id, None)

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Read the trials after an id, and those with the given ids, in the order of their ids."""
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
        """Return a trial that was read before and has been waiting since; else None."""
        waiting = self._waiting.get(row.trial_id)
        if waiting is None or row.state is not TrialState.WAITING:
            return None
        return waiting.trial if waiting.since == row.datetime_start else None

    def _built(self, row: Row[Any], parts: dict[str, list[Row[Any]]]) -> FrozenTrial:
        stored = cast("models.TrialModel", _Stored(row, parts))
        trial: FrozenTrial = self._build_frozen_trial_from_trial_model(stored)
        # Had it been taken since its row was read, its start would be another one next time.
        if row.state is TrialState.WAITING and row.datetime_start is not None:
            self._waiting[row.trial_id] = _Waiting(row.datetime_start, trial)
        else:
            self._waiting.pop(row.trial_id, None)
        return trial


def _by_trial(connection: Connection, part: str, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    """Read the rows of a part, by the ids of their trials."""
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
    """Raise an error unless there is such a study.

    Raises:
        KeyError: somebody has deleted it.
    """
    if connection.execute(select(STUDIES).where(STUDIES.c.study_id == study_id)).first() is None:
        raise KeyError(f"no study has the id {study_id}")


def _local(time: datetime | None) -> datetime | None:
    """Convert a time of the tables, UTC without a zone, to Optuna's form."""
    return time and as_optuna(time.replace(tzinfo=UTC))
