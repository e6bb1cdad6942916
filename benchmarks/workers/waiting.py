"""A model that only waits: each step takes PAUSE seconds, then says how good its parameter is."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpo.models import Climb, Labels, Model, Rows
from hpo.training.steps import OnStep
from hpo.training.task import Task

PAUSE = "WORKERS_PAUSE"  # seconds of a step


@dataclass(frozen=True, kw_only=True)
class Params:
    """What a trial varies."""

    share: float
    epochs: int


def fit(params: Params, task: Task, X: Rows, y: Labels, seed: int, on_step: OnStep) -> Params:
    """Wait for each step, and tell of it."""
    del task, X, y, seed
    for step in range(1, params.epochs + 1):
        time.sleep(float(os.environ[PAUSE]))
        on_step(step, params)
    return params


def predict(trained: Params, task: Task, X: Rows) -> Labels:
    """Return the first class for a share of the rows, the last for the others."""
    labels = np.full(len(X), task.classes[-1])
    labels[: int(trained.share * len(X))] = task.classes[0]
    return labels


def save(trained: Params, folder: Path) -> Path:
    """Write the parameter to a file in folder."""
    path = folder / "share.txt"
    path.write_text(str(trained.share))
    return path


WAITING = Model(Params=Params, training="waiting", climb=Climb.EPOCHS)
