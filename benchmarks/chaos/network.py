"""The product's own convolutional network, which writes down each epoch."""

from dataclasses import asdict

from journal import Notes, wait_a_step

from hpo.training import cnn
from hpo.training.checkpoint import epochs_kept

predict, save = cnn.predict, cnn.save


class Noted:
    """Passes each step on, and writes down when it began and ended."""

    def __init__(self, on_step, notes, last):
        self.on_step, self.notes, self.last = on_step, notes, last
        self.checkpoint = on_step.checkpoint
        self.begun = 0
        if epochs_kept(on_step) == 0:
            self.begin(1)

    def __call__(self, step, trained):
        """Hear of a step; one that was kept is told of again and was not computed."""
        if step == self.begun:
            self.notes.ends(step)
        self.on_step(step, trained)
        if step < self.last:
            self.begin(step + 1)

    def begin(self, step):
        """Begin a step, which takes its time before it is computed."""
        self.begun = step
        self.notes.begins(step)
        wait_a_step()


def fit(params, task, X, y, seed, on_step):
    """Train on rows X (n, pixels) with labels y (n,)."""
    notes = Notes(seed=seed, fold=on_step.checkpoint.name if on_step.checkpoint else "")
    notes.took(asdict(params))
    return cnn.fit(params, task, X, y, seed, Noted(on_step, notes, params.epochs))
