"""Checking the values that were given for a trial against a study's space."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpo.definition import Bounds, Choice, as_choice, in_toml
from hpo.search_space.parameter import Parameter
from hpo.search_space.space import SearchSpace

Outcomes = Mapping[str, list[object]]
"""The values or bounds that each parameter may have; None means that it has no meaning."""


@dataclass(frozen=True)
class CheckedValues:
    """The result of a check."""

    values: dict[str, Choice]  # those that a trial can have, in their declared types
    problems: dict[str, str]  # what is wrong with the others


def check_values(space: SearchSpace[Any], given: Mapping[str, object]) -> CheckedValues:
    """Check which of the given values a trial can have; parameters not given are left open."""
    unknown = f"the model has no such parameter; it has {', '.join(space.parameters)}"
    problems = {name: unknown for name in given if name not in space.parameters}
    values: dict[str, Choice] = {}
    outcomes: dict[str, list[object]] = {}
    for name, parameter in space.parameters.items():
        if name in given:
            problem = _misfit(space, parameter, given[name]) or _meaningless(parameter, outcomes)
            if problem is None:
                values[name] = parameter.cast(as_choice(given[name]))
            else:
                problems[name] = problem
        meant = _meant(parameter, outcomes)
        outcomes[name] = [
            *(_outcomes(space, parameter, values) if True in meant else ()),
            *([None] if False in meant else ()),
        ]
    return CheckedValues(values, problems)


def _misfit(space: SearchSpace[Any], parameter: Parameter, given: object) -> str | None:
    """Describe why the space does not have a value; None if it does."""
    name = parameter.name
    if name in space.fixed:
        return f"this study does not search it: it is fixed at {in_toml(space.fixed[name])}"
    if name not in space.searched:
        return f"this study does not search it: it is always {in_toml(parameter.default)}"
    try:
        value = as_choice(given)
    except ValueError as error:
        return str(error)
    if not parameter.admits(value):
        return f"is not allowed; it must be {parameter.allowed}"
    if parameter.cast(value) not in space.searched[name]:
        return f"is not in the space of this study: {in_toml(space.searched[name])}"
    return None


def _meaningless(parameter: Parameter, outcomes: Outcomes) -> str | None:
    """Describe why a parameter may have no meaning; None if it always has one."""
    condition, meant = parameter.only_if, _meant(parameter, outcomes)
    if condition is None or meant == {True}:
        return None
    other = condition.parameter
    rule = f"has a meaning only where {other} is one of {in_toml(condition.values)}"
    if True in meant:
        return f"{rule}; give {other}, too"
    return f"{rule}; here it is {' or '.join(map(in_toml, outcomes[other]))}"


def _meant(parameter: Parameter, outcomes: Outcomes) -> set[bool]:
    """Return whether a parameter has a meaning, for each case that is possible."""
    condition = parameter.only_if
    if condition is None:
        return {True}
    meant: set[bool] = set()
    for outcome in outcomes[condition.parameter]:
        if isinstance(outcome, Bounds):
            meant |= {False, any(value in outcome for value in condition.values)}
        else:
            meant.add(outcome in condition.values)
    return meant


def _outcomes(
    space: SearchSpace[Any], parameter: Parameter, values: Mapping[str, Choice]
) -> list[object]:
    """Return the values or bounds that a parameter may have where it has a meaning."""
    if parameter.name in values:
        return [values[parameter.name]]
    dimension = space.dimension(parameter.name)
    return [dimension] if isinstance(dimension, Bounds) else list(dimension)
