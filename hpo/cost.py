"""The cost of a study, and what the exhaustive grid over the same space would have cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from optuna.trial import FrozenTrial

from hpo.definition import Definition
from hpo.models import WHOLE_FOLD, Climb, resolve
from hpo.search_space import Grid
from hpo.study import runs_of, space_of


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Work in the model's unit, and the time that it takes all workers together."""

    unit: str  # "epochs" or "fits"
    spent: float
    spent_time: timedelta  # measured
    grid_points: int
    grid: float  # computed
    grid_seconds: float  # computed for the pace of the trials; may exceed any timedelta


def cost(definition: Definition, trials: Sequence[FrozenTrial]) -> Cost:
    """Compare the trials so far with the whole grid.

    Raises:
        DefinitionError: the model can't be imported here, or its parameters have changed.
    """
    climb = resolve(definition.model, f'study "{definition.name}"').climb
    spent = sum(_work(climb, step) for trial in trials for step in trial.intermediate_values)
    spent_time = sum(map(_duration, trials), timedelta())
    grid_points, grid_work = _grid(definition, climb)
    return Cost(
        unit="epochs" if climb is Climb.EPOCHS else "fits",
        spent=spent,
        spent_time=spent_time,
        grid_points=grid_points,
        grid=grid_work,
        grid_seconds=spent_time.total_seconds() * (grid_work / spent) if spent else 0.0,
    )


def _work(climb: Climb, step: int) -> float:
    if climb is Climb.EPOCHS:
        return 1
    return ((step - 1) % WHOLE_FOLD + 1) / WHOLE_FOLD


def _duration(trial: FrozenTrial) -> timedelta:
    return timedelta(seconds=sum(end - start for start, end in runs_of(trial)))


def _grid(definition: Definition, climb: Climb) -> tuple[int, float]:
    """Return the number of the grid's points, and their work."""
    grid, folds = Grid(space_of(definition)), definition.evaluation.folds or 1
    if climb is not Climb.EPOCHS:
        return grid.size, grid.size * folds
    return grid.size, sum(
        points * folds * float(epochs) for epochs, points in grid.sizes_by("epochs").items()
    )
