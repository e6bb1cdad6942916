"""Building a search space, which checks a definition's space and fixed values."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from hpo.definition import Bounds, Choice, Definition, Dimension, in_toml
from hpo.errors import DefinitionError
from hpo.search_space.grid import Grid
from hpo.search_space.parameter import Parameter
from hpo.search_space.space import SearchSpace

P = TypeVar("P")
MOST_POINTS = 1_000_000  # of the grid sampler, which keeps a permutation of them in memory
Refuse = Callable[[str, str], DefinitionError]


def build(
    definition: Definition, Params: type[P], parameters: Mapping[str, Parameter], source: str
) -> SearchSpace[P]:
    """Build the search space of a definition; source is named in errors.

    Raises:
        DefinitionError: a parameter is unknown, missing, given twice or meaningless,
            or one of its values is not allowed.
    """

    def refuse(key: str, problem: str) -> DefinitionError:
        return DefinitionError(source, key, problem)

    _check_names(definition, parameters, refuse)
    for name, parameter in parameters.items():
        if name in definition.fixed:
            _check_values(f"fixed.{name}", parameter, (definition.fixed[name],), refuse)
        if name in definition.space:
            _check_dimension(parameter, definition.space[name], refuse)
        _check_meaning(definition, parameters, name, refuse)
    space = SearchSpace(
        Params=Params, parameters=parameters, searched=definition.space, fixed=definition.fixed
    )
    if definition.sampler.name == "grid" and (points := Grid(space).size) > MOST_POINTS:
        raise refuse("sampler.name", f"the grid has {points:,} points, above {MOST_POINTS:,}")
    return space


def _check_names(
    definition: Definition, parameters: Mapping[str, Parameter], refuse: Refuse
) -> None:
    given = [
        *((n, f"space.{n}") for n in definition.space),
        *((n, f"fixed.{n}") for n in definition.fixed),
    ]
    for name, key in given:
        if name not in parameters:
            known = ", ".join(parameters)
            raise refuse(key, f"the model {definition.model} has no such parameter; it has {known}")
        if name in definition.space and name in definition.fixed:
            raise refuse(f"fixed.{name}", f"contradicts space.{name}; leave one of them out")
    for name, parameter in parameters.items():
        if parameter.required and name not in definition.space and name not in definition.fixed:
            raise refuse(
                f"space.{name}", f"is missing; give {parameter.allowed}, here or in [fixed]"
            )


def _check_dimension(parameter: Parameter, dimension: Dimension, refuse: Refuse) -> None:
    key = f"space.{parameter.name}"
    if not isinstance(dimension, Bounds):
        _check_values(key, parameter, dimension, refuse)
        if len(set(dimension)) < len(dimension):
            raise refuse(key, f"{in_toml(dimension)} has a choice twice")
        return
    if parameter.number is None:
        raise refuse(key, f"takes no bounds; it must be {parameter.allowed}")
    _check_values(key, parameter, (dimension.low, dimension.high), refuse)
    step = dimension.step  # not a value of the parameter, so only its type has to suit
    if step is not None and parameter.number is int and not isinstance(step, int):
        raise refuse(key, f"{in_toml(step)} is not allowed as a step; it must be a whole number")


def _check_values(
    key: str, parameter: Parameter, values: tuple[Choice, ...], refuse: Refuse
) -> None:
    for value in values:
        if not parameter.admits(value):
            raise refuse(key, f"{in_toml(value)} is not allowed; it must be {parameter.allowed}")


def _check_meaning(
    definition: Definition, parameters: Mapping[str, Parameter], name: str, refuse: Refuse
) -> None:
    """Refuse a parameter that has a meaning in no trial of this study."""
    condition = parameters[name].only_if
    key = next((k for k in ("space", "fixed") if name in getattr(definition, k)), None)
    if condition is None or key is None:
        return
    other = condition.parameter
    possible = definition.space.get(other, (parameters[other].default,))
    if other in definition.fixed:
        possible = (definition.fixed[other],)
    if not isinstance(possible, Bounds) and not set(possible) & set(condition.values):
        raise refuse(
            f"{key}.{name}",
            f"contradicts {other} = {in_toml(possible)}: it has a meaning only where {other} "
            f"is one of {in_toml(condition.values)}",
        )
