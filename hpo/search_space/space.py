"""The search space of a study, and the values that a trial takes from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import BaseTrial

from hpo.definition import Bounds, Choice, Dimension
from hpo.search_space.parameter import Parameter

P = TypeVar("P")


@dataclass(frozen=True, kw_only=True)
class SearchSpace(Generic[P]):
    """What is searched and what is held fixed, checked against the model's parameters."""

    Params: type[P]
    parameters: Mapping[str, Parameter]
    searched: Mapping[str, Dimension]
    fixed: Mapping[str, Choice]

    def suggest(self, trial: BaseTrial) -> P:
        """Return the Params of a live, a fixed or a finished trial, asking it for the values."""
        values: dict[str, Choice] = {}
        for name, parameter in self.parameters.items():
            if not parameter.has_meaning(values):
                continue  # the dataclass has a default for it
            if name in self.searched:
                value = _suggest(trial, name, _distribution(parameter, self.searched[name]))
            else:
                value = self.fixed.get(name, parameter.default)
            # Values that were queued with a trial may have another type than declared.
            values[name] = parameter.cast(value)
        return self.Params(**values)

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return what each searched parameter is drawn from, also those that may lack a meaning."""
        return {
            name: _distribution(self.parameters[name], dimension)
            for name, dimension in self.searched.items()
        }

    def dimension(self, name: str) -> Dimension:
        """Return the values that a parameter can have in this space: one unless it is searched."""
        if name in self.searched:
            return self.searched[name]
        return (self.fixed.get(name, self.parameters[name].default),)

    def highest(self, name: str) -> float:
        """Return the highest number that a parameter can have in this space."""
        return max(self._ends(name))

    def lowest(self, name: str) -> float:
        """Return the lowest number that a parameter can have in this space."""
        return min(self._ends(name))

    def _ends(self, name: str) -> tuple[float, ...]:
        dimension = self.dimension(name)
        if isinstance(dimension, Bounds):
            return float(dimension.low), float(dimension.high)
        return tuple(map(float, dimension))

    def possible(self, name: str) -> tuple[Choice, ...]:
        """Return the values that a parameter without bounds can have in this space."""
        dimension = self.dimension(name)
        assert not isinstance(dimension, Bounds)
        return dimension


def _distribution(parameter: Parameter, dimension: Dimension) -> BaseDistribution:
    if not isinstance(dimension, Bounds):
        return CategoricalDistribution([parameter.cast(choice) for choice in dimension])
    low, high, log = dimension.low, dimension.high, dimension.log
    if parameter.number is int:
        return IntDistribution(int(low), int(high), step=int(dimension.step or 1), log=log)
    return FloatDistribution(low, high, step=dimension.step, log=log)


def _suggest(trial: BaseTrial, name: str, distribution: BaseDistribution) -> Any:
    match distribution:
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_float(name, low, high, step=step, log=log)
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(name, choices)
    raise TypeError(distribution)
