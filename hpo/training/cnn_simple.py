"""One convolution, max pooling and a dense layer."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.training.images import to_images
from hpo.training.params.cnn_simple import Params
from hpo.training.task import Task


def build(params: Params, task: Task) -> keras.Model:
    """Give the compiled, untrained network."""
    network = keras.Sequential(
        [
            keras.Input(task.shape),
            keras.layers.Conv2D(
                32, 5, activation=params.activation, kernel_initializer=params.init
            ),
            keras.layers.MaxPooling2D(),
            keras.layers.Dropout(params.dropout),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation=params.activation, kernel_initializer=params.init),
            keras.layers.Dense(
                len(task.classes), activation="softmax", kernel_initializer=params.init
            ),
        ]
    )
    optimizer = keras.optimizers.get(params.optimizer)
    optimizer.learning_rate = params.learning_rate
    network.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    return network


def fit(
    params: Params,
    task: Task,
    X: NDArray[np.float32],
    y: NDArray[np.int64],
    seed: int,
    on_step: Callable[[int, keras.Model], None] | None = None,
) -> keras.Model:
    """Train on rows X (n, features) with labels y (n,); on_step hears of each epoch from 1."""
    keras.utils.set_random_seed(seed)
    network = build(params, task)
    callbacks = []
    if on_step:
        callbacks.append(
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, _logs: on_step(epoch + 1, network)
            )
        )
    network.fit(
        to_images(X, task),
        np.searchsorted(task.classes, y),
        batch_size=params.batch_size,
        epochs=params.epochs,
        callbacks=callbacks,
        verbose=0,
    )
    return network


def predict(network: keras.Model, task: Task, X: NDArray[np.float32]) -> NDArray[np.int64]:
    """Give the label of each row of X (n, features), as (n,)."""
    probabilities = network.predict(to_images(X, task), batch_size=500, verbose=0)
    labels: NDArray[np.int64] = np.array(task.classes)[probabilities.argmax(axis=1)]
    return labels


def save(network: keras.Model, folder: Path) -> Path:
    """Write the trained network to a file in folder."""
    path = folder / "model.keras"
    network.save(path)
    return path
