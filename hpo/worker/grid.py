"""Sampling the exhaustive grid: each trial takes the next of its points, in random order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from hpo.search_space import Grid
from hpo.storage.keys import RETRY_OF
from hpo.study import is_given


class GridSampler(BaseSampler):
    """Proposes each point of a grid once, however many workers share the study.

    Optuna's own picks a point that no trial has begun, which two workers may do at once, and starts
    over when all were visited; here a trial's number determines its point.
    """

    def __init__(self, grid: Grid, seed: int) -> None:
        self._grid = grid
        self._order = np.random.default_rng(seed).permutation(grid.size)

    def infer_relative_search_space(
        self, _study: Study, _trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return nothing: parameters are sampled one by one."""
        return {}

    def sample_relative(
        self, _study: Study, _trial: FrozenTrial, _search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing: parameters are sampled one by one."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, name: str, _distribution: BaseDistribution
    ) -> Any:
        """Return the value of a parameter at the trial's point."""
        place = place_of(trial, study.get_trials(deepcopy=False))
        return self._grid.point(int(self._order[place % len(self._order)]))[name]


def place_of(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int:
    """Return the index of a trial's grid point, from 0; a retry has that of the failed trial.

    Neither retries nor trials queued with given values use up an index.
    """
    while (failed := trial.user_attrs.get(RETRY_OF)) is not None:
        trial = trials[failed]
    earlier = trials[: trial.number]
    return sum(not is_given(one) and RETRY_OF not in one.user_attrs for one in earlier)
