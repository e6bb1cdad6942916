"""The network, as a list of layers."""

from collections.abc import Iterator

import keras
from keras import layers

from hpo.training.params.cnn import Params
from hpo.training.task import Task

INITS = {
    "normal": "random_normal",
    "uniform": "random_uniform",
    "glorot": "glorot_uniform",
    "he": "he_normal",
}


def network(params: Params, task: Task) -> Iterator[keras.Layer]:
    """Build the layers, from an image to the probability of each class."""
    yield keras.Input(task.shape)
    if params.threshold > 0:
        yield layers.ReLU(threshold=params.threshold)
    filters = params.filters
    for _ in range(params.blocks):
        yield from block(params, filters)
        filters = round(filters * params.widening)
    if params.closing == "convolution":
        kernel = params.closing_kernel_size
        yield from convolution(params, params.closing_filters, kernel, 1, "valid")
        yield from dropout(params, ("everywhere",))
    if params.closing == "average":
        yield layers.GlobalAveragePooling2D()
    else:
        yield layers.Flatten()
    if params.dense_units > 0:
        yield from dense(params)
    yield from dropout(params, ("dense", "everywhere"))
    yield layers.Dense(
        len(task.classes), activation="softmax", kernel_initializer=INITS[params.init]
    )


def block(params: Params, filters: int) -> Iterator[keras.Layer]:
    """Build convolutions that end by halving the image."""
    for _ in range(params.convolutions):
        yield from convolution(params, filters, params.kernel_size, 1, params.padding)
    if params.downsampling == "stride":
        yield from convolution(params, filters, params.stride_kernel_size, 2, "same")
    else:
        yield layers.MaxPooling2D(padding="same")
    yield from dropout(params, ("blocks", "everywhere"))


def convolution(
    params: Params, filters: int, kernel: int, strides: int, padding: str
) -> Iterator[keras.Layer]:
    """Build a convolution, with batch normalisation if the network has it."""
    act, init = params.activation, INITS[params.init]
    yield layers.Conv2D(filters, kernel, strides, padding, activation=act, kernel_initializer=init)
    if params.batch_norm:
        # With Keras' default of 0.99 the averages are too far off to judge the first epochs.
        yield layers.BatchNormalization(momentum=0.9)


def dense(params: Params) -> Iterator[keras.Layer]:
    """Build the dense layer, with batch normalisation if the network has it."""
    act, init = params.activation, INITS[params.init]
    yield layers.Dense(params.dense_units, activation=act, kernel_initializer=init)
    if params.batch_norm:
        yield layers.BatchNormalization(momentum=0.9)


def dropout(params: Params, places: tuple[str, ...]) -> Iterator[keras.Layer]:
    """Build the dropout of a place, if the network has one there."""
    if params.dropout > 0 and params.dropout_at in places:
        yield layers.Dropout(params.dropout)
