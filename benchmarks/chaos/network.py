"""The product's own convolutional network, which writes down each epoch."""

from dataclasses import asdict, replace
from typing import Any

import keras
from journal import Notes, wait_a_step

from hpo.models import Labels, Rows
from hpo.training import cnn
from hpo.training.checkpoint import epochs_kept
from hpo.training.params.cnn import Params
from hpo.training.steps import OnStep
from hpo.training.task import Task

predict, save = cnn.predict, cnn.save


class Noted:
    """Passes each step on, and writes down when it began and ended."""

    def __init__(self, on_step: OnStep, notes: Notes, last: int) -> None:
        self.on_step, self.notes, self.last = on_step, notes, last
        self.begun = 0
        if epochs_kept(on_step) == 0:
            self.begin(1)

    def __call__(self, step: int, trained: Any) -> None:
        """Hear of a step; one that was kept is told of again and was not computed."""
        if step == self.begun:
            self.notes.ends(step)
        self.on_step(step, trained)
        if step < self.last:
            self.begin(step + 1)

    def begin(self, step: int) -> None:
        """Begin a step, which takes its time before it is computed."""
        self.begun = step
        self.notes.begins(step)
        wait_a_step()


def fit(params: Params, task: Task, X: Rows, y: Labels, seed: int, on_step: OnStep) -> keras.Model:
    """Train on rows X (n, pixels) with labels y (n,)."""
    notes = Notes(seed=seed, fold=on_step.checkpoint.name if on_step.checkpoint else "")
    notes.took(asdict(params))
    noted = Noted(on_step, notes, params.epochs)
    return cnn.fit(params, task, X, y, seed, replace(on_step, callback=noted))
