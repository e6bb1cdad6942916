"""Why frozen features fail: what is learned anew after pretraining on clean digits.

    hpo create studies/transfer.toml    # pretrains, and says where the weights are
    python benchmarks/transfer/frozen.py data/digits/train.npy WEIGHTS

Takes the network of that study with the pretrained WEIGHTS, lets more and more of it learn from
70 % of the noisy rows for ten epochs, and prints the accuracy on the other 30 %.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hpo.device import muted_stderr, use_one_thread

use_one_thread()

with muted_stderr():
    import keras

from hpo.data import load_dataset  # noqa: E402 - after the threads are set
from hpo.definition import load_definition  # noqa: E402
from hpo.training import cnn  # noqa: E402
from hpo.training.cnn import freeze_features  # noqa: E402
from hpo.training.network import network  # noqa: E402
from hpo.training.params.cnn import Params  # noqa: E402
from hpo.training.splits import holdout  # noqa: E402
from hpo.training.task import Task  # noqa: E402

SEED = 1
SHAPE = (28, 28, 1)
STUDY = Path(__file__).parents[2] / "studies/transfer.toml"
FIXED: dict[str, Any] = dict(load_definition(STUDY).fixed)
TUNING = replace(
    Params(**FIXED),
    dropout=0.1,
    optimizer="rmsprop",
    epochs=10,
    freeze="features",
)


def all_but_output(model: keras.Model) -> None:
    """Freeze all layers but the last."""
    for layer in model.layers[:-1]:
        layer.trainable = False


def convolutions(model: keras.Model) -> None:
    """Freeze the features, but not what batch normalisation makes of them."""
    freeze_features(model)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = True


LEARNS: dict[str, Callable[[keras.Model], None]] = {
    "the output layer": all_but_output,
    "the dense layers (freeze = features)": freeze_features,
    "these and all batch normalisation": convolutions,
}


def main(train: Path, weights: Path) -> None:
    """Print a line for each part that learns."""
    rows = load_dataset(train, shape=SHAPE)
    assert rows.y is not None
    task = Task(shape=SHAPE, classes=tuple(rows.classes.tolist()), weights=str(weights))
    [(learned, kept)] = holdout(rows.y, 0.3, SEED)

    def accuracy(model: keras.Model) -> float:
        assert rows.y is not None
        return float((cnn.predict(model, task, rows.X[kept]) == rows.y[kept]).mean())

    pretrained = keras.Sequential([*network(TUNING, task)])
    pretrained.load_weights(task.weights)
    print(f"{'nothing':40}{accuracy(pretrained):.4f}")
    for what, freeze in LEARNS.items():
        with patch.object(cnn, "freeze_features", freeze):
            model = cnn.fit(TUNING, task, rows.X[learned], rows.y[learned], SEED)
        print(f"{what:40}{accuracy(model):.4f}", flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
