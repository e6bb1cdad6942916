"""Model families: their parameters, and the code that trains them."""

from hpo.models.model import Climb, Labels, Model, Rows, Trained, TrainingCode
from hpo.models.registry import BUILT_IN, resolve
from hpo.models.steps import SAMPLES, WHOLE_FOLD, steps_of, steps_per_fold
from hpo.search_space import AT_LEAST_ONE, AT_LEAST_ZERO, POSITIVE, SHARE, Limit, OnlyIf

__all__ = [
    "AT_LEAST_ONE",
    "AT_LEAST_ZERO",
    "BUILT_IN",
    "POSITIVE",
    "SAMPLES",
    "SHARE",
    "WHOLE_FOLD",
    "Climb",
    "Labels",
    "Limit",
    "Model",
    "OnlyIf",
    "Rows",
    "Trained",
    "TrainingCode",
    "resolve",
    "steps_of",
    "steps_per_fold",
]
