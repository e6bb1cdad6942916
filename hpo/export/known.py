"""What is known of the arguments of training code."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from types import SimpleNamespace
from typing import Any

Known = Mapping[str, Any]
"""The values of arguments by name, in every function: None, or an object with attributes."""


class Several(SimpleNamespace):
    """The dataclass instances that an argument may be; its attributes are those that all share."""

    __slots__ = ("instances",)  # beside the attributes

    def __init__(self, instances: Sequence[Any]) -> None:
        first, *others = map(asdict, instances)
        shared = {k: v for k, v in first.items() if all(other[k] == v for other in others)}
        super().__init__(**shared)
        self.instances = instances


def cases(known: Known) -> list[Known]:
    """Return what may be known at the same time, with one instance for each of several."""
    choices = [one.instances if isinstance(one, Several) else [one] for one in known.values()]
    return [dict(zip(known, chosen, strict=True)) for chosen in product(*choices)]
