"""The search space of a study, and the values that a trial takes from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

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
            if name in self.fixed:
                values[name] = parameter.cast(self.fixed[name])
            elif name in self.searched:
                # Values that were queued with a trial may have another type than declared.
                values[name] = parameter.cast(_suggest(trial, parameter, self.searched[name]))
            else:
                values[name] = parameter.default
        return self.Params(**values)

    def highest(self, name: str) -> float:
        """Return the highest number that a parameter can have in this space."""
        return max(self._ends(name))

    def lowest(self, name: str) -> float:
        """Return the lowest number that a parameter can have in this space."""
        return min(self._ends(name))

    def _ends(self, name: str) -> tuple[float, ...]:
        dimension = self.searched.get(name)
        if isinstance(dimension, Bounds):
            return float(dimension.low), float(dimension.high)
        return tuple(map(float, self.possible(name)))

    def possible(self, name: str) -> tuple[Choice, ...]:
        """Return the values that a parameter without bounds can have in this space."""
        if name in self.fixed:
            return (self.fixed[name],)
        dimension = self.searched.get(name, (self.parameters[name].default,))
        assert not isinstance(dimension, Bounds)
        return dimension


def _suggest(trial: BaseTrial, parameter: Parameter, dimension: Dimension) -> Choice:
    name = parameter.name
    if not isinstance(dimension, Bounds):
        choices = [parameter.cast(choice) for choice in dimension]
        return cast("Choice", trial.suggest_categorical(name, choices))
    low, high, log = dimension.low, dimension.high, dimension.log
    if parameter.number is int:
        return trial.suggest_int(name, int(low), int(high), step=int(dimension.step or 1), log=log)
    return trial.suggest_float(name, low, high, step=dimension.step, log=log)
