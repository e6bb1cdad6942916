"""Search spaces: a model's parameters, the bounds of a study, and the values of a trial."""

from hpo.search_space.checks import build
from hpo.search_space.given import check_values
from hpo.search_space.grid import LEVELS, Grid
from hpo.search_space.parameter import (
    AT_LEAST_ONE,
    AT_LEAST_ZERO,
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
    "AT_LEAST_ZERO",
    "LEVELS",
    "POSITIVE",
    "SHARE",
    "Grid",
    "Limit",
    "OnlyIf",
    "Parameter",
    "SearchSpace",
    "build",
    "check_values",
    "parameters_of",
]
