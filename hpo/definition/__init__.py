"""Study definitions: what a TOML file may say, checked, as frozen values."""

from hpo.definition.reading import load, parse
from hpo.definition.schema import (
    Budget,
    Data,
    Definition,
    Evaluation,
    Metric,
    Pruner,
    Sampler,
)
from hpo.definition.space import Bounds, Choice, Dimension, in_toml

__all__ = [
    "Bounds",
    "Budget",
    "Choice",
    "Data",
    "Definition",
    "Dimension",
    "Evaluation",
    "Metric",
    "Pruner",
    "Sampler",
    "in_toml",
    "load",
    "parse",
]
