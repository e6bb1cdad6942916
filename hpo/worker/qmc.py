"""Quasi-random sampling: each trial takes the point of the sequence with its own number."""

import warnings

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import QMCSampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class NumberedQMCSampler(QMCSampler):
    """Proposes each point of a sequence once, however many workers share the study.

    Optuna's own keeps a counter in the database, which two workers may read before one of them has
    written it. And it draws what the first trial had, which with conditional parameters is a part
    of the space that depends on chance.
    """

    def __init__(
        self, *, number: int, scramble: bool, seed: int, space: dict[str, BaseDistribution]
    ) -> None:
        """Take the trial's number, the seed of the sequence and what each parameter is drawn from.

        A point has a value for each of them, also for those without a meaning in this trial.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(
                scramble=scramble,
                seed=seed,
                warn_independent_sampling=False,
            )
        self._number = number
        # Sorted, as another order of the definition's keys is the same study.
        self._space = {name: space[name] for name in sorted(space) if not space[name].single()}

    def infer_relative_search_space(
        self, _study: Study, _trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return all parameters that have more than one value."""
        return self._space

    def _find_sample_id(self, _study: Study, _search_space: dict[str, BaseDistribution]) -> int:
        return self._number
