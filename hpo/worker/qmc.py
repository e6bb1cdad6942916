"""Drawing from one quasi-random sequence: each trial takes the point of its own number."""

import warnings

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import QMCSampler, RandomSampler
from optuna.study import Study


class NumberedQMCSampler(QMCSampler):
    """Proposes each point of a sequence once, whatever number of workers share the study.

    Optuna's own counts in the database what was drawn, reading first and writing then, between
    which another worker may read the same number.
    """

    def __init__(self, *, number: int, scramble: bool, seed: int, own_seed: int) -> None:
        """Take the number of the trial, and the seeds of the sequence and of this trial alone.

        What the sequence has no part in, such as the first trial, is random.
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
