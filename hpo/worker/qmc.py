"""Quasi-random sampling: each trial takes the point of the sequence with its own number."""

import warnings

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import QMCSampler, RandomSampler
from optuna.study import Study


class NumberedQMCSampler(QMCSampler):
    """Proposes each point of a sequence once, however many workers share the study.

    Optuna's own keeps a counter in the database, which two workers may read before one of them has
    written it.
    """

    def __init__(self, *, number: int, scramble: bool, seed: int, own_seed: int) -> None:
        """Take the trial's number, the seed of the sequence and the seed of this trial.

        Parameters outside the sequence, as in the first trial, are sampled at random.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(
                scramble=scramble,
                seed=seed,
                independent_sampler=RandomSampler(seed=own_seed),
                warn_independent_sampling=False,
            )
        self._number = number

    def _find_sample_id(self, _study: Study, _search_space: dict[str, BaseDistribution]) -> int:
        return self._number
