"""The steps that the trials of a study can report."""

from typing import Any

from hpo.models.model import Climb, Model
from hpo.search_space import SearchSpace

# With Climb.SAMPLES: the steps before the whole fold, with their shares of its rows. They are the
# rungs of successive halving by 3, so that a step costs about what its number says.
SAMPLES = {1: 1 / 9, 3: 1 / 3}
WHOLE_FOLD = 9


def steps_per_fold(model: Model, space: SearchSpace[Any]) -> int:
    """Return the last step that a trial can reach within a fold."""
    return int(space.highest("epochs")) if model.climb is Climb.EPOCHS else WHOLE_FOLD


def steps_of(model: Model, space: SearchSpace[Any], folds: int) -> tuple[int, ...]:
    """Return all steps that a trial can report, ascending."""
    whole = steps_per_fold(model, space)
    if model.climb is Climb.EPOCHS:
        return tuple(range(1, whole * folds + 1))
    return (*SAMPLES, *range(whole, whole * folds + 1, whole))
