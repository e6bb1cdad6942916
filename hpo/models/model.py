"""The interface of a model family."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from hpo.search_space import Limit, OnlyIf, Parameter, SearchSpace, parameters_of
from hpo.training.steps import OnStep
from hpo.training.task import Task

Trained = Any
"""What a family's fit returns."""
Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Counts = NDArray[np.int64]


class Climb(Enum):
    """What grows with each step of a trial."""

    EPOCHS = "epochs"  # fit reports each epoch; the parameters have a field named epochs
    SAMPLES = "samples"  # fit is called on growing samples of the training rows


class TrainingCode(Protocol):
    """The module that trains a family. It ships in exported scripts, so it must not import hpo."""

    def fit(
        self, params: Any, task: Task, X: Rows, y: Labels, seed: int, *on_step: OnStep
    ) -> Trained:
        """Train on rows X (n, features) with labels y (n,); on_step is given with Climb.EPOCHS."""

    def predict(self, trained: Trained, task: Task, X: Rows) -> Labels:
        """Return the label of each row of X (n, features), as (n,)."""

    def save(self, trained: Trained, folder: Path) -> Path:
        """Write the trained model to a file in folder, and return its path."""


def _no_problem(_space: SearchSpace[Any], _task: Task, _rows: Counts) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Model:
    """A family of models that a study can search.

    `Params` is a frozen dataclass whose fields are the parameters: numbers, booleans and Literals.
    `training` is the name of the module with fit, predict and save, which is imported when the
    first trial starts, so that commands that only read a definition stay fast.
    """

    Params: type
    training: str
    climb: Climb = Climb.SAMPLES
    limits: Mapping[str, Limit] = field(default_factory=dict)
    only_if: Mapping[str, OnlyIf] = field(default_factory=dict)
    needs_images: bool = False
    network: frozenset[str] = frozenset()
    """The parameters that determine the shapes of weights; empty if fit ignores task.weights."""
    trials_only: frozenset[str] = frozenset()
    """The parameters that have no meaning in a pretraining."""
    problem: Callable[[SearchSpace[Any], Task, Counts], str | None] = _no_problem
    """Describes why not every trial of a space can be trained on rows of which there are so many of
    each class; None if all can."""

    def __post_init__(self) -> None:
        """Check the declaration.

        Raises:
            TypeError: it contradicts Params.
        """
        if not is_dataclass(self.Params):
            raise TypeError(f"Params = {self.Params!r} is not a dataclass")
        names = [*self.parameters]
        if self.climb is Climb.EPOCHS and "epochs" not in names:
            raise TypeError("Params has no field epochs, but climb is Climb.EPOCHS")
        others = (condition.parameter for condition in self.only_if.values())
        for name in {*self.limits, *self.only_if, *others, *self.network, *self.trials_only}:
            if name not in names:
                raise TypeError(f"Params has no field {name}, but another argument names it")
        for name, condition in self.only_if.items():
            if names.index(condition.parameter) > names.index(name):
                raise TypeError(f"{condition.parameter} must stand above {name} in Params")
            if self.parameters[name].required:
                raise TypeError(f"{name} needs a default, for trials where it has no meaning")

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters, in the order of the fields of Params."""
        return parameters_of(self.Params, self.limits, self.only_if)

    @cached_property
    def code(self) -> TrainingCode:
        """The training module, imported on first access."""
        return cast("TrainingCode", import_module(self.training))
