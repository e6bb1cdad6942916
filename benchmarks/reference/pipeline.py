"""The reference's own last pipeline, with what hpo trains with, on rows of our own.

    python benchmarks/reference/pipeline.py data/digits/train.npy data/digits/test.npy

cnn-deep with RMSprop, dropout 0.35, batches of 64, images turned by up to 10 degrees and moved by
up to a tenth, 60 epochs on 70 % of the rows. Of the 60 networks the one that errs least on the
other 30 % is kept, which therefore flatters the hold-out, and looks at the test rows once.
"""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hpo.device import muted_stderr, use_one_thread

use_one_thread()

with muted_stderr():
    from hpo.training import cnn

import numpy as np  # noqa: E402 - after the threads are set

from hpo.data import Dataset, load_dataset  # noqa: E402
from hpo.definition import load_definition  # noqa: E402
from hpo.training.params.cnn import Params  # noqa: E402
from hpo.training.splits import holdout  # noqa: E402
from hpo.training.steps import OnStep  # noqa: E402
from hpo.training.task import Task  # noqa: E402

SEED = 1
EPOCHS = 60
DEEP = load_definition(Path(__file__).parents[2] / "studies/cnn-deep.toml")
FIXED: dict[str, Any] = dict(DEEP.fixed)
PIPELINE = replace(
    Params(**FIXED),
    optimizer="rmsprop",
    learning_rate=0.001,
    weight_decay=0.0,
    ema=0.0,
    schedule="constant",
    warmup_epochs=0.0,
    dropout=0.35,
    batch_size=64,
    augmentation=True,
    rotation=10.0,
    shift=0.1,
    interpolation="bilinear",
    epochs=EPOCHS,
)


@dataclass
class BestCheckpoint:
    """Keeps the weights that err least on a hold-out."""

    task: Task
    rows: Dataset
    error: float = 1.0
    epoch: int = 0
    weights: list[Any] = field(default_factory=list)

    def __call__(self, step: int, trained: Any) -> None:
        """Look at the hold-out after an epoch."""
        error = error_of(trained, self.task, self.rows)
        print(f"epoch {step}: hold-out error {error:.4f}", flush=True)
        if error < self.error:
            self.error, self.epoch, self.weights = error, step, trained.get_weights()


def error_of(model: Any, task: Task, rows: Dataset) -> float:
    """Return the share of rows that a network takes for another digit."""
    return float(np.mean(cnn.predict(model, task, rows.X) != rows.y))


def main() -> None:
    """Train, and say what is kept and how it errs."""
    train, test = (load_dataset(Path(file)) for file in sys.argv[1:3])
    assert train.y is not None
    assert DEEP.data.shape is not None
    task = Task(classes=tuple(train.classes.tolist()), shape=DEEP.data.shape)
    [(learned, watched)] = holdout(train.y, 0.3, SEED)
    rows = replace(train, X=train.X[watched], y=train.y[watched])
    best = BestCheckpoint(task, rows)
    model = cnn.fit(PIPELINE, task, train.X[learned], train.y[learned], SEED, OnStep(best))
    model.set_weights(best.weights)
    print(f"epoch {best.epoch} is kept: hold-out error {best.error:.4f}")
    print(f"test error {error_of(model, task, test):.4f}")


if __name__ == "__main__":
    main()
