"""A study as samplers and pruners see it."""

import copy
import time
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, cast

from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpo.study import is_paused

ALL = frozenset(TrialState)
Trials = Callable[[], Sequence[FrozenTrial]]
"""Gives a study's trials as they are at first; it is asked once, and only where they are needed."""


class View(Study):
    """A study whose trials are read again only when they are older than some seconds.

    A trial that is paused looks pruned: samplers learn nothing from what waits.
    """

    def __init__(self, study: Study, trials: Trials, max_age: float) -> None:
        vars(self).update(vars(study))  # to make a study anew is to ask the database for its number
        self._trials, self._max_age = trials, max_age
        self._read_at = time.monotonic()
        self._seen: dict[frozenset[TrialState], list[FrozenTrial]] = {}  # by states

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        if time.monotonic() - self._read_at >= self._max_age:
            self._seen = {ALL: _looked_at(super()._get_trials(deepcopy, None, use_cache))}
            self._read_at = time.monotonic()
        elif not self._seen:
            self._seen = {ALL: _looked_at(self._trials())}
        wanted = ALL if states is None else frozenset(s for s in TrialState if s in states)
        if wanted not in self._seen:  # a pruner asks at each step: not to look at all trials again
            self._seen[wanted] = [trial for trial in self._seen[ALL] if trial.state in wanted]
        return [*self._seen[wanted]]

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials as they were seen last."""
        return self._get_trials(deepcopy, states)


class SamplerView(View):
    """A study at the moment when a trial was taken; nothing that a sampler says is stored.

    TPE tells others of parameters before they are stored one by one; ours are stored all at once.
    """

    def __init__(self, study: Study, trials: Trials) -> None:
        super().__init__(study, trials, max_age=float("inf"))
        self._storage = cast("BaseStorage", _Unheard(self._storage, self._study_id))


class PrunerView(View):
    """A study as it is seen while a trial runs; what a pruner keeps with the trial, the trial has.

    Optuna reads a trial anew at each step, we do not: ASHA must find there which rungs it has left
    behind.
    """

    def __init__(self, study: Study, trials: Trials, trial: FrozenTrial, max_age: float) -> None:
        super().__init__(study, trials, max_age)
        storage = _Noting(self._storage, self._study_id, trial)
        self._storage = cast("BaseStorage", storage)


class _Storage:
    def __init__(self, storage: BaseStorage, study_id: int) -> None:
        self._storage, self._study_id = storage, study_id

    def get_study_id_from_name(self, _name: str) -> int:
        """Hyperband makes its study anew at each step; it is always this one."""
        return self._study_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


class _Unheard(_Storage):
    def set_trial_system_attr(self, _trial_id: int, _key: str, _value: Any) -> None:
        """Store nothing."""


class _Noting(_Storage):
    def __init__(self, storage: BaseStorage, study_id: int, trial: FrozenTrial) -> None:
        super().__init__(storage, study_id)
        self._trial = trial

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Store it, and note it in the trial at hand."""
        self._storage.set_trial_system_attr(trial_id, key, value)
        self._trial.system_attrs[key] = value


def _looked_at(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    return [_as_pruned(trial) if is_paused(trial) else trial for trial in trials]


def _as_pruned(trial: FrozenTrial) -> FrozenTrial:
    pruned = copy.copy(trial)
    pruned.state = TrialState.PRUNED
    return pruned
