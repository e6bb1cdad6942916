"""Study definitions: TOML files, checked and turned into frozen values."""

from hpo.definition.given import Given, load_trials, parse_assignments
from hpo.definition.reading import load_definition, parse
from hpo.definition.schema import (
    Budget,
    Data,
    Definition,
    Direction,
    Evaluation,
    Metric,
    Pretraining,
    Pruner,
    Sampler,
    WarmStart,
)
from hpo.definition.space import Bounds, Choice, Dimension, as_choice, in_toml

__all__ = [
    "Bounds",
    "Budget",
    "Choice",
    "Data",
    "Definition",
    "Dimension",
    "Direction",
    "Evaluation",
    "Given",
    "Metric",
    "Pretraining",
    "Pruner",
    "Sampler",
    "WarmStart",
    "as_choice",
    "in_toml",
    "load_definition",
    "load_trials",
    "parse",
    "parse_assignments",
]
