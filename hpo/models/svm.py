"""The model family of support vector classifiers."""

import math
from typing import Any

from hpo.models.model import Counts, Model
from hpo.models.steps import SAMPLES
from hpo.search_space import AT_LEAST_ONE, POSITIVE, OnlyIf, SearchSpace
from hpo.training.params.svm import Params
from hpo.training.task import Task


def problem(_space: SearchSpace[Any], _task: Task, rows: Counts) -> str | None:
    """Describe why the rows are too few: a sample of a single row has no principal component."""
    smallest = min(SAMPLES.values())
    if math.ceil(smallest * rows.sum()) > 1:
        return None
    return (
        f"a trial learns from a sample of 1/{round(1 / smallest)} of its rows first, and "
        f"{rows.sum()} rows to train on are too few for that: give at least "
        f"{math.floor(1 / smallest) + 1}"
    )


SVM = Model(
    Params=Params,
    training="hpo.training.svm",
    limits={"components": AT_LEAST_ONE, "C": POSITIVE, "gamma": POSITIVE},
    only_if={"gamma": OnlyIf("kernel", ("rbf", "poly", "sigmoid"))},
    problem=problem,
)
