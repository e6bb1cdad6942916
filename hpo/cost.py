"""What a study cost, and what the exhaustive grid over the same choices would have."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from hpo.definition import Bounds, Choice
from hpo.models import Climb
from hpo.objective import WHOLE_FOLD, Objective
from hpo.search_space import Parameter, SearchSpace

LEVELS = 5
"""How many values a grid takes between bounds; choices are all taken."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Work in the model's unit, and the time of all workers together that it takes."""

    unit: str
    spent: float
    spent_time: timedelta  # measured
    grid_points: int
    grid: float  # computed
    grid_time: timedelta  # computed: the grid's work at the pace of the trials


def cost(objective: Objective, trials: Sequence[FrozenTrial]) -> Cost:
    """Compare the trials so far with the whole grid."""
    spent = sum(_work(objective, step) for trial in trials for step in trial.intermediate_values)
    spent_time = sum(map(_duration, trials), timedelta())
    grid = _grid(objective.space)
    folds = len(objective.splits)
    climbs_epochs = objective.model.climb is Climb.EPOCHS
    grid_work = sum(
        points * folds * (epochs if climbs_epochs else 1) for epochs, points in grid.items()
    )
    return Cost(
        unit="epochs" if climbs_epochs else "fits",
        spent=spent,
        spent_time=spent_time,
        grid_points=grid.total(),
        grid=grid_work,
        grid_time=spent_time * (grid_work / spent) if spent else timedelta(),
    )


def _work(objective: Objective, step: int) -> float:
    if objective.model.climb is Climb.EPOCHS:
        return 1
    return ((step - 1) % WHOLE_FOLD + 1) / WHOLE_FOLD


def _duration(trial: FrozenTrial) -> timedelta:
    if trial.datetime_start is None or trial.state is TrialState.WAITING:
        return timedelta()
    # Optuna gives naive local times.
    return (trial.datetime_complete or datetime.now()) - trial.datetime_start


def _grid(space: SearchSpace[object]) -> Counter[int]:
    """Count the points of the grid by their epochs, 0 where the model has none.

    A parameter without a meaning at a point does not multiply it. Only what others depend on is
    kept apart, so that a wide space is counted without being listed.
    """
    parameters = space.parameters.values()
    kept = {p.only_if.parameter for p in parameters if p.only_if} | {"epochs"}
    points: Counter[tuple[tuple[str, Choice], ...]] = Counter({(): 1})
    for parameter in parameters:
        grown: Counter[tuple[tuple[str, Choice], ...]] = Counter()
        for values, count in points.items():
            levels = _levels(space, parameter) if parameter.has_meaning(dict(values)) else []
            if parameter.name not in kept or not levels:  # the latter: it has no meaning here
                grown[values] += count * max(1, len(levels))
                continue
            for level in levels:
                grown[(*values, (parameter.name, level))] += count
        points = grown
    by_epochs: Counter[int] = Counter()
    for values, count in points.items():
        by_epochs[int(dict(values).get("epochs", 0))] += count
    return by_epochs


def _levels(space: SearchSpace[object], parameter: Parameter) -> list[Choice]:
    if parameter.name in space.fixed:
        return [space.fixed[parameter.name]]
    if parameter.name not in space.searched:
        return [parameter.default]
    dimension = space.searched[parameter.name]
    if not isinstance(dimension, Bounds):
        return list(dimension)
    levels = _spread(dimension)
    whole = np.unique(levels.round()) if parameter.number is int else np.unique(levels)
    return list(whole.tolist())


def _spread(bounds: Bounds) -> NDArray[np.float64]:
    if bounds.step is None:
        spaced = np.geomspace if bounds.log else np.linspace
        return spaced(float(bounds.low), float(bounds.high), LEVELS)
    last = int((bounds.high - bounds.low) / bounds.step + 1e-9)  # 0.3 / 0.1 is below 3
    return bounds.low + bounds.step * np.linspace(0, last, LEVELS).round()
