"""The exhaustive grid over a search space."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.definition import Bounds, Choice
from hpo.search_space.parameter import Parameter
from hpo.search_space.space import SearchSpace

LEVELS = 5
"""The number of values between bounds; of choices all are taken."""

Values = dict[str, Choice]


@dataclass(frozen=True)
class Grid:
    """All combinations of levels, without levels of parameters that have no meaning at a point.

    Points are counted, not listed, so that the grid of any space has a size.
    """

    space: SearchSpace[Any]
    _sizes: dict[tuple[object, ...], int] = field(default_factory=dict, compare=False, repr=False)

    @property
    def size(self) -> int:
        """The number of points."""
        return self._size_from(0, {})

    def sizes_by(self, name: str) -> dict[Choice, int]:
        """Return the number of points for each level of a parameter."""
        levels = _levels(self.space, self.space.parameters[name])
        others = {key: dim for key, dim in self.space.searched.items() if key != name}
        return {
            level: Grid(
                replace(self.space, searched=others, fixed={**self.space.fixed, name: level})
            ).size
            for level in levels
        }

    def point(self, index: int) -> Values:
        """Return the values of the point at an index below the size."""
        values: Values = {}
        for place, parameter in enumerate(self._parameters):
            if not parameter.has_meaning(values):
                continue
            for level in _levels(self.space, parameter):
                further = {**values, parameter.name: level}
                size = self._size_from(place + 1, further)
                if index < size:
                    values = further
                    break
                index -= size
        return values

    @property
    def _parameters(self) -> list[Parameter]:
        return list(self.space.parameters.values())

    def _size_from(self, place: int, values: Mapping[str, Choice]) -> int:
        """Count the points, given the values of the parameters before a place."""
        if place == len(self._parameters):
            return 1
        decisive = {p.only_if.parameter for p in self._parameters[place:] if p.only_if}
        key = (place, *(values.get(name) for name in sorted(decisive)))
        if key not in self._sizes:
            parameter = self._parameters[place]
            has_meaning = parameter.has_meaning(values)
            levels = _levels(self.space, parameter) if has_meaning else [None]
            name = parameter.name
            self._sizes[key] = sum(
                self._size_from(place + 1, values if level is None else {**values, name: level})
                for level in levels
            )
        return self._sizes[key]


def _levels(space: SearchSpace[Any], parameter: Parameter) -> list[Choice]:
    dimension = space.dimension(parameter.name)
    if not isinstance(dimension, Bounds):
        return list(dimension)
    levels = _spread(dimension)
    whole = np.unique(levels.round()) if parameter.number is int else np.unique(levels)
    return [parameter.cast(level) for level in whole.tolist()]


def _spread(bounds: Bounds) -> NDArray[np.float64]:
    if bounds.step is None:
        spaced = np.geomspace if bounds.log else np.linspace
        return spaced(float(bounds.low), float(bounds.high), LEVELS)
    last = int((bounds.high - bounds.low) / bounds.step + 1e-9)  # in floats, 0.3 / 0.1 is below 3
    steps = np.linspace(0, last, LEVELS).round()
    # In floats, 0.1 + 2 * 0.1 is above 0.3; Optuna, too, takes the bound then.
    return np.clip(bounds.low + bounds.step * steps, bounds.low, bounds.high)
