"""The parameters of a model, as its dataclass declares them."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from itertools import chain
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hpo.definition import Choice, in_toml


@dataclass(frozen=True)
class Limit:
    """The numbers that make sense for a parameter, in words and as a predicate."""

    words: str
    holds: Callable[[float], bool]


POSITIVE = Limit("above 0", lambda number: number > 0)
AT_LEAST_ZERO = Limit("of 0 or more", lambda number: number >= 0)
AT_LEAST_ONE = Limit("of 1 or more", lambda number: number >= 1)
SHARE = Limit("from 0 to below 1", lambda number: 0 <= number < 1)


@dataclass(frozen=True)
class OnlyIf:
    """The condition that another parameter has one of these values."""

    parameter: str
    values: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter and the values that it may have."""

    name: str
    number: type[int] | type[float] | None  # None where it takes no numbers
    options: tuple[Choice, ...]  # the values that are not numbers
    required: bool
    default: Any  # where it is not required
    limit: Limit | None
    only_if: OnlyIf | None

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        number = {int: "a whole number", float: "a number", None: ""}[self.number]
        limit = f" {self.limit.words}" if self.limit else ""
        options = f"one of {in_toml(self.options)}" if self.options else ""
        return " or ".join(filter(None, (number + limit, options)))

    def admits(self, value: Choice) -> bool:
        """Whether the parameter may have this value."""
        if any(value == option and type(value) is type(option) for option in self.options):
            return True  # types are compared because 1 == True
        if isinstance(value, bool | str):
            return False
        of_type = self.number is float or (self.number is int and isinstance(value, int))
        return of_type and (self.limit is None or self.limit.holds(value))

    def cast(self, value: Choice) -> Choice:
        """Return the value in the declared type: 10 as 10.0 where the model takes floats."""
        if isinstance(value, bool | str) or self.number is None:
            return value
        return self.number(value)

    def has_meaning(self, values: Mapping[str, Choice]) -> bool:
        """Whether it has a meaning, given the values of the parameters before it."""
        return self.only_if is None or values.get(self.only_if.parameter) in self.only_if.values


def parameters_of(
    Params: type, limits: Mapping[str, Limit], only_if: Mapping[str, OnlyIf]
) -> dict[str, Parameter]:
    """Return the parameters of a model's dataclass, in the order of its fields.

    Raises:
        TypeError: a field has a type without values that can be searched or fixed.
    """
    types = get_type_hints(Params)
    _check_types(types)
    return {
        field.name: Parameter(
            name=field.name,
            number=_number_type(types[field.name]),
            options=tuple(chain.from_iterable(map(_options, _members(types[field.name])))),
            required=field.default is MISSING,
            default=field.default,
            limit=limits.get(field.name),
            only_if=only_if.get(field.name),
        )
        for field in fields(Params)
    }


def _check_types(types: Mapping[str, Any]) -> None:
    for name, annotation in types.items():
        if not (_number_type(annotation) or any(map(_options, _members(annotation)))):
            raise TypeError(
                f"Params.{name} may be an int, a float, a bool, a Literal or a union of them, "
                f"not {getattr(annotation, '__name__', annotation)}"
            )


def _members(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in (Union, UnionType)
    return get_args(annotation) if is_union else (annotation,)


def _number_type(annotation: Any) -> type[int] | type[float] | None:
    members = _members(annotation)
    return float if float in members else int if int in members else None


def _options(member: Any) -> tuple[Choice, ...]:
    if member is bool:
        return (True, False)
    return get_args(member) if get_origin(member) is Literal else ()
