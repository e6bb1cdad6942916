"""One dimension of a search space: bounds, or a list of choices."""

import json
import math
import sys
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, PlainValidator, Tag, model_validator

from hpo.definition.section import Section


def _number(value: object) -> int | float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not abs(value) <= sys.float_info.max
    ):
        raise ValueError(f"{value!r} is not a finite number")
    return value


def as_choice(value: object) -> bool | int | float | str:
    """Return a value if a parameter may have it.

    Raises:
        ValueError: it is neither a finite number, a text nor a boolean.
    """
    if isinstance(value, bool | str):
        return value
    try:
        return _number(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is neither a finite number, a text nor true or false"
        ) from None


Number = Annotated[int | float, PlainValidator(_number)]
Choice = Annotated[bool | int | float | str, PlainValidator(as_choice)]
"""A value that a parameter may have."""


class Bounds(Section):
    """All numbers from low to high, both included."""

    low: Number
    high: Number
    log: bool = False
    step: Number | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"a log scale needs low above 0, not {self.low}")
        if self.log and self.step is not None:
            raise ValueError("a log scale has no step; leave one of them out")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"step ({self.step}) is not above 0")
        if self.step is not None and not self._reaches_high(self.step):
            raise ValueError(f"steps of {self.step} do not lead from {self.low} to {self.high}")
        return self

    def __contains__(self, value: object) -> bool:
        """Whether a value is a number between low and high, and on a step."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        steps = (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-8  # Optuna's tolerance

    def _reaches_high(self, step: float) -> bool:
        steps = (self.high - self.low) / step
        return math.isclose(steps, round(steps), abs_tol=1e-9)


def _kind(value: object) -> str:
    return "bounds" if isinstance(value, dict | Bounds) else "choices"


Choices = Annotated[tuple[Choice, ...], Field(min_length=1, strict=False)]
Dimension = Annotated[
    Annotated[Bounds, Tag("bounds")] | Annotated[Choices, Tag("choices")], Discriminator(_kind)
]
"""The value of a key in [space]: { low, high, log, step } or a list of choices."""


def in_toml(value: Any) -> str:
    """Write a value as in a definition file."""
    match value:
        case Bounds():
            return in_toml(value.model_dump(exclude_defaults=True))
        case dict():
            keys = (f"{key} = {in_toml(item)}" for key, item in value.items())
            return "{ " + ", ".join(keys) + " }"
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case None:
            return "nothing"
        case tuple() | list():
            return "[" + ", ".join(in_toml(item) for item in value) + "]"
        case _:
            return str(value)
