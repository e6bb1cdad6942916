"""Optuna's storage, for studies in which many trials wait."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text

CANDIDATES = """
SELECT trial_id, state, datetime_start FROM trials
WHERE study_id = :study_id AND (trial_id > :after OR trial_id = ANY(:included))
"""


@dataclass(frozen=True)
class _Waiting:
    """A trial that a worker has let go of, as it was read."""

    since: datetime  # when that worker took it
    trial: FrozenTrial


class Records(RDBStorage):
    """Reads a trial that waits only once.

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
        """Give the trials after one, and those of the given ids, in the order of their ids."""
        asked = {
            "study_id": study_id,
            "after": trial_id_greater_than,
            "included": [*included_trial_ids],
        }
        with self.engine.connect() as connection:  # before they are read: they may be newer then
            rows = connection.execute(text(CANDIDATES), asked).all()
        since = {trial_id: start for trial_id, state, start in rows if state == "WAITING"}
        known = {
            trial_id: self._waiting[trial_id].trial
            for trial_id, start in since.items()
            if trial_id in self._waiting and self._waiting[trial_id].since == start
        }
        if states is None and known:
            candidates = {trial_id for trial_id, _, _ in rows}
            included_trial_ids = candidates - known.keys()
            trial_id_greater_than = max(candidates)
        else:
            known = {}
        read = super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        for trial in read:
            start = since.get(_id(trial))
            if trial.state is TrialState.WAITING and start is not None:
                self._waiting[_id(trial)] = _Waiting(start, trial)
        return sorted([*known.values(), *read], key=_id)


def _id(trial: FrozenTrial) -> int:
    return trial._trial_id  # noqa: SLF001 - Optuna has no other key to its table
