"""Rounded proposals, which people can read: 0.001304 instead of 0.001304453543508621."""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

DIGITS = 4


class RoundedSampler(BaseSampler):
    """Proposes what another sampler does, with numbers rounded to four digits.

    They are rounded before they are stored, so the values in the dashboard and in scripts are
    exactly those that ran.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self.sampler = sampler

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that are proposed together."""
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose parameters together."""
        proposed = self.sampler.sample_relative(study, trial, search_space)
        return {name: rounded(value, search_space[name]) for name, value in proposed.items()}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        name: str,
        distribution: BaseDistribution,
    ) -> Any:
        """Propose one parameter."""
        proposed = self.sampler.sample_independent(study, trial, name, distribution)
        return rounded(proposed, distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass on that a trial begins."""
        self.sampler.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Pass on that a trial has ended."""
        self.sampler.after_trial(study, trial, state, values)


def rounded(value: Any, distribution: BaseDistribution) -> Any:
    """Round a number between bounds; steps and choices stay as they are."""
    if not isinstance(distribution, FloatDistribution) or distribution.step is not None:
        return value
    short = float(f"{value:.{DIGITS}g}")
    return min(max(short, distribution.low), distribution.high)
