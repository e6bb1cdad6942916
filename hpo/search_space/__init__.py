"""From bounds to values: which parameters a model has, and what a trial gives each of them."""

from hpo.search_space.checks import build
from hpo.search_space.parameter import (
    AT_LEAST_ONE,
    POSITIVE,
    SHARE,
    Limit,
    OnlyIf,
    Parameter,
    parameters_of,
)
from hpo.search_space.space import SearchSpace

__all__ = [
    "AT_LEAST_ONE",
    "POSITIVE",
    "SHARE",
    "Limit",
    "OnlyIf",
    "Parameter",
    "SearchSpace",
    "build",
    "parameters_of",
]
