"""A convolutional network."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.training.batches import batches
from hpo.training.checkpoint import Checkpoint, epochs_kept
from hpo.training.images import to_images
from hpo.training.memory import keep_freed_memory
from hpo.training.network import network
from hpo.training.optimizers import learning_rate, optimizer
from hpo.training.params.cnn import Params
from hpo.training.splits import holdout
from hpo.training.steps import OnStep
from hpo.training.task import Task

# The share of the training rows that is set aside as validation data where the loss on it decides
# on the learning rate or on early stopping.
WATCHED = 0.1


def fit(
    params: Params,
    task: Task,
    X: NDArray[np.float32],
    y: NDArray[np.int64],
    seed: int,
    on_step: OnStep | None = None,
) -> keras.Model:
    """Train on rows X (n, features) with labels y (n,)."""
    keep_freed_memory()
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([*network(params, task)])
    if task.weights is not None:
        model.load_weights(task.weights)
    if params.freeze == "features":
        freeze_features(model)
    images = to_images(X, task)
    labels = keras.utils.to_categorical(np.searchsorted(task.classes, y), len(task.classes))
    watched = {}
    if params.patience > 0 or params.schedule == "plateau":
        [(rows, kept)] = holdout(y, WATCHED, seed)
        watched = {"validation_data": (images[kept], labels[kept])}
        images, labels = images[rows], labels[rows]
    steps = int(np.ceil(len(images) / params.batch_size))
    rate = learning_rate(params, steps)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=params.label_smoothing)
    model.compile(optimizer(params, rate), loss)
    # Left to `fit`, TensorFlow traces the training step twice: first to create these variables.
    model.optimizer.build(model.trainable_variables)
    model.fit(
        batches(params, images, labels, seed, on_step),
        steps_per_epoch=steps,
        epochs=params.epochs,
        callbacks=[*callbacks(params, on_step)],
        shuffle=False,  # the batches are shuffled already
        verbose=0,
        **watched,
        **({} if on_step is None else {"initial_epoch": epochs_kept(on_step)}),
    )
    return averaged(params, task, model) if params.test_shift > 0 else model


def averaged(params: Params, task: Task, model: keras.Model) -> keras.Model:
    """Return a network that averages its predictions for an image and its four shifts."""
    image, ways = keras.Input(task.shape), [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    views = [
        keras.ops.roll(image, (params.test_shift * down, params.test_shift * right), (1, 2))
        for down, right in ways
    ]
    return keras.Model(image, keras.layers.Average()([model(view) for view in views]))


def freeze_features(model: keras.Model) -> None:
    """Freeze all layers before the one that turns the image into a vector."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Flatten | keras.layers.GlobalAveragePooling2D):
            return
        layer.trainable = False


def callbacks(params: Params, on_step: OnStep | None) -> Iterator[keras.callbacks.Callback]:
    """Build the callbacks, in the order in which they run."""
    kept = []
    if params.ema > 0:  # at the end of an epoch the network has its averaged weights
        kept.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if params.schedule == "plateau":
        kept.append(keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=3))
    if params.patience > 0:
        kept.append(
            keras.callbacks.EarlyStopping(patience=params.patience, restore_best_weights=True)
        )
    yield from kept
    if on_step is not None:
        yield Checkpoint(on_step, kept)


def scores(model: keras.Model, task: Task, X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of each class for each row of X (n, features), as (n, classes)."""
    parts = np.split(to_images(X, task), range(128, len(X), 128))
    # `predict` would prepare a dataset, which takes longer than to evaluate a small one.
    return np.vstack([model.predict_on_batch(part) for part in parts])


def predict(model: keras.Model, task: Task, X: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the label of each row of X (n, features), as (n,)."""
    labels: NDArray[np.int64] = np.array(task.classes)[scores(model, task, X).argmax(1)]
    return labels


def save(model: keras.Model, folder: Path) -> Path:
    """Write the trained network to a file in folder, without its optimizer.

    On JAX the optimizer may be unreadable by now: with averaged weights it shares arrays with the
    network, and predicting deletes them.
    """
    keras.Model(model.inputs, model.outputs).save(folder / "model.keras")
    return folder / "model.keras"
