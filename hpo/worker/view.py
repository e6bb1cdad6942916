"""The study that is shown to samplers and pruners."""

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
"""Returns the study's trials to begin with; called once at most, when they are needed."""


class View(Study):
    """A study whose trials are read again only after `max_age` seconds.

    Paused trials are shown as pruned, since samplers ignore trials that wait.
    """

    def __init__(self, study: Study, trials: Trials, max_age: float) -> None:
        vars(self).update(vars(study))  # Study.__init__ would query the database for the id
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
        if wanted not in self._seen:  # a pruner asks at each step: don't filter each time
            self._seen[wanted] = [trial for trial in self._seen[ALL] if trial.state in wanted]
        return [*self._seen[wanted]]

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials as they were read last."""
        return self._get_trials(deepcopy, states)


class SamplerView(View):
    """A study at the moment when a trial was taken; what a sampler stores with it is dropped.

    TPE stores its proposal for other workers, since Optuna stores parameters one by one; hpo stores
    them all at once.
    """

    def __init__(self, study: Study, trials: Trials) -> None:
        super().__init__(study, trials, max_age=float("inf"))
        self._storage = cast("BaseStorage", _Unheard(self._storage, self._study_id))


class PrunerView(View):
    """A study while a trial runs; what a pruner stores with the trial is also set on the object.

    Optuna reads the trial again at each step and hpo does not, but ASHA must find in it which rungs
    the trial has passed.
    """

    def __init__(self, study: Study, trials: Trials, trial: FrozenTrial, max_age: float) -> None:
        super().__init__(study, trials, max_age)
        storage = _Noting(self._storage, self._study_id, trial)
        self._storage = cast("BaseStorage", storage)


class _Storage:
    def __init__(self, storage: BaseStorage, study_id: int) -> None:
        self._storage, self._study_id = storage, study_id

    def get_study_id_from_name(self, _name: str) -> int:
        """Return the id without a query: Hyperband creates its study again at each step."""
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
        """Store the attribute, and set it on the trial object."""
        self._storage.set_trial_system_attr(trial_id, key, value)
        self._trial.system_attrs[key] = value


def _looked_at(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    return [_as_pruned(trial) if is_paused(trial) else trial for trial in trials]


def _as_pruned(trial: FrozenTrial) -> FrozenTrial:
    pruned = copy.copy(trial)
    pruned.state = TrialState.PRUNED
    return pruned
