"""Asking a sampler for a trial's parameters, to store all of them at once."""

from typing import Any

from optuna.distributions import BaseDistribution, _get_single_value, distribution_to_json
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FixedTrial, FrozenTrial

from hpo.storage.keys import GIVEN
from hpo.worker.rounding import rounded


class Proposal(FixedTrial):
    """A trial that suggests the values it has or was queued with, and asks a sampler for the rest.

    Optuna's own trial stores each parameter separately, with several statements.
    """

    def __init__(self, study: Study, trial: FrozenTrial, sampler: BaseSampler) -> None:
        super().__init__(dict(trial.params), trial.number)
        self._study, self._trial, self._sampler = study, trial, sampler
        self._given: dict[str, Any] = trial.system_attrs.get(GIVEN, {})
        self._together: dict[str, Any] | None = None
        self._asked: dict[str, BaseDistribution] = {}

    @property
    def new(self) -> dict[str, tuple[float, str]]:
        """What was proposed, as Optuna stores it."""
        return {
            name: (kind.to_internal_repr(self._params[name]), distribution_to_json(kind))
            for name, kind in self._asked.items()
        }

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if name not in self._params:
            self._params[name] = self._value(name, distribution)
            self._asked[name] = distribution
        return super()._suggest(name, distribution)

    def _value(self, name: str, distribution: BaseDistribution) -> Any:
        if name in self._given:
            return self._given[name]
        if distribution.single():
            return _get_single_value(distribution)
        together = self._proposed_together()
        # Rounded before it is stored, so that the dashboard and scripts show what ran.
        if name in together:
            return rounded(together[name], distribution)
        alone = self._sampler.sample_independent(self._study, self._trial, name, distribution)
        return rounded(alone, distribution)

    def _proposed_together(self) -> dict[str, Any]:
        if self._together is None:
            space = self._sampler.infer_relative_search_space(self._study, self._trial)
            self._together = self._sampler.sample_relative(self._study, self._trial, space)
        return self._together
