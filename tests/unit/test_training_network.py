"""The layers of the network: those of both reference networks, and what each parameter changes."""

from dataclasses import replace

import numpy as np
import pytest

from hpo.training.params.cnn import Params
from hpo.training.task import Task

KERAS_WARNS = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
pytestmark = [pytest.mark.slow, KERAS_WARNS]

DIGITS = Task(shape=(28, 28, 1), classes=tuple(range(10)))
SMALL = Task(shape=(8, 6, 2), classes=(2, 5, 9))
PARAMS = Params(blocks=1, filters=4, epochs=1)

CNN_SIMPLE = Params(blocks=1, kernel_size=5, padding="valid", dense_units=128, epochs=1)
CNN_DEEP = Params(
    blocks=2,
    convolutions=2,
    padding="valid",
    downsampling="stride",
    closing="convolution",
    dense_units=128,
    batch_norm=True,
    dropout=0.35,
    epochs=1,
)

SHOWN = {
    "Conv2D": ("filters", "kernel_size", "strides", "padding", "activation"),
    "Dense": ("units", "activation"),
    "Dropout": ("rate",),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "ReLU": ("threshold",),
    "BatchNormalization": ("momentum",),
}


@pytest.fixture(scope="module")
def network():
    module = pytest.importorskip("hpo.training.network")
    module.keras.backend.clear_session()

    def build(params=PARAMS, task=SMALL):
        return module.keras.Sequential([*module.network(params, task)])

    return build


def shown(model):
    """Each layer as its class and what makes it different from others."""
    return [
        (type(layer).__name__, *(told(layer, key) for key in SHOWN.get(type(layer).__name__, ())))
        for layer in model.layers
    ]


def told(layer, key):
    value = getattr(layer, key)
    if key == "activation":
        return value.__name__
    return value[0] if isinstance(value, tuple) else value


def test_cnn_simple_is_a_special_case(network):
    model = network(CNN_SIMPLE, DIGITS)
    assert shown(model) == [
        ("Conv2D", 32, 5, 1, "valid", "relu"),
        ("MaxPooling2D", 2, 2, "same"),  # of 24x24: the same as without padding
        ("Flatten",),
        ("Dense", 128, "relu"),
        ("Dense", 10, "softmax"),
    ]
    assert model.layers[1].output.shape == (None, 12, 12, 32)
    assert model.count_params() == 592_074


def test_cnn_deep_is_a_special_case(network):
    model = network(CNN_DEEP, DIGITS)
    norm, dropout = ("BatchNormalization", 0.9), ("Dropout", 0.35)
    assert shown(model) == [
        *(("Conv2D", 32, 3, 1, "valid", "relu"), norm),
        *(("Conv2D", 32, 3, 1, "valid", "relu"), norm),
        *(("Conv2D", 32, 5, 2, "same", "relu"), norm, dropout),
        *(("Conv2D", 64, 3, 1, "valid", "relu"), norm),
        *(("Conv2D", 64, 3, 1, "valid", "relu"), norm),
        *(("Conv2D", 64, 5, 2, "same", "relu"), norm, dropout),
        *(("Conv2D", 128, 4, 1, "valid", "relu"), norm, dropout),
        ("Flatten",),
        *(("Dense", 128, "relu"), norm, dropout),
        ("Dense", 10, "softmax"),
    ]
    assert model.get_layer(index=-5).output.shape == (None, 128)  # the flattened image
    assert model.count_params() == 344_266


def test_every_parameter_of_the_network_is_tested():
    """A new one gets its row below."""
    names = list(Params.__dataclass_fields__)
    own = {*names[: names.index("optimizer")], "threshold"}
    assert {name for changes in CHANGES.values() for name in changes[0]} == own


CONV, POOL, FLAT, LAST = (
    ("Conv2D", 4, 3, 1, "same", "relu"),
    ("MaxPooling2D", 2, 2, "same"),
    ("Flatten",),
    ("Dense", 3, "softmax"),
)
NORM = ("BatchNormalization", 0.9)
DROP = ("Dropout", 0.5)
DENSE = ("Dense", 7, "relu")
WIDE = ("Conv2D", 8, 3, 1, "same", "relu")


def conv(filters=4, kernel=3, strides=1, padding="same", activation="relu"):
    return ("Conv2D", filters, kernel, strides, padding, activation)


CHANGES = {
    "blocks": ({"blocks": 2}, [CONV, POOL, WIDE, POOL, FLAT, LAST]),
    "convolutions": ({"convolutions": 3}, [CONV, CONV, CONV, POOL, FLAT, LAST]),
    "filters": ({"filters": 5}, [conv(5), POOL, FLAT, LAST]),
    "widening": (
        {"blocks": 3, "filters": 5, "widening": 1.5},
        [conv(5), POOL, conv(8), POOL, conv(12), POOL, FLAT, LAST],
    ),
    "kernel_size": ({"kernel_size": 2}, [conv(kernel=2), POOL, FLAT, LAST]),
    "padding": ({"padding": "valid"}, [conv(padding="valid"), POOL, FLAT, LAST]),
    "downsampling": ({"downsampling": "stride"}, [CONV, conv(4, 5, 2), FLAT, LAST]),
    "stride_kernel_size": (
        {"downsampling": "stride", "stride_kernel_size": 2, "padding": "valid"},
        [conv(padding="valid"), conv(4, 2, 2), FLAT, LAST],  # the stride alone halves the size
    ),
    "closing": ({"closing": "average"}, [CONV, POOL, ("GlobalAveragePooling2D",), LAST]),
    "closing_filters": (
        {"closing": "convolution", "closing_filters": 6, "closing_kernel_size": 2},
        [CONV, POOL, conv(6, 2, 1, "valid"), FLAT, LAST],
    ),
    "dense_units": ({"dense_units": 7}, [CONV, POOL, FLAT, DENSE, LAST]),
    "batch_norm": (
        {
            "batch_norm": True,
            "downsampling": "stride",
            "closing": "convolution",
            "closing_kernel_size": 3,
            "dense_units": 7,
        },
        [
            *(CONV, NORM, conv(4, 5, 2), NORM, conv(128, 3, 1, "valid"), NORM),
            *(FLAT, DENSE, NORM, LAST),
        ],
    ),
    "dropout": (
        {"dropout": 0.25, "dense_units": 7},
        [CONV, POOL, ("Dropout", 0.25), FLAT, DENSE, ("Dropout", 0.25), LAST],
    ),
    "dropout after blocks": (
        {"blocks": 2, "dropout": 0.5, "dropout_at": "blocks", "dense_units": 7},
        [CONV, POOL, DROP, WIDE, POOL, DROP, FLAT, DENSE, LAST],
    ),
    "dropout after the dense layer": (
        {"dropout": 0.5, "dropout_at": "dense", "dense_units": 7},
        [CONV, POOL, FLAT, DENSE, DROP, LAST],
    ),
    "dropout at the end, where no dense layer is": (
        {"dropout": 0.5, "dropout_at": "dense"},
        [CONV, POOL, FLAT, DROP, LAST],
    ),
    "dropout everywhere": (
        {"dropout": 0.5, "closing": "convolution", "closing_kernel_size": 3, "dense_units": 7},
        [CONV, POOL, DROP, conv(128, 3, 1, "valid"), DROP, FLAT, DENSE, DROP, LAST],
    ),
    "threshold": ({"threshold": 0.5}, [("ReLU", 0.5), CONV, POOL, FLAT, LAST]),
    "activation": (
        {"activation": "elu", "closing": "convolution", "closing_kernel_size": 3, "dense_units": 7},
        [
            *(conv(activation="elu"), POOL, conv(128, 3, 1, "valid", "elu")),
            *(FLAT, ("Dense", 7, "elu"), LAST),
        ],
    ),
    "init": ({"init": "he"}, [CONV, POOL, FLAT, LAST]),
}


@pytest.mark.parametrize(("changes", "expected"), CHANGES.values(), ids=CHANGES)
def test_each_parameter_changes_the_layers(network, changes, expected):
    model = network(replace(PARAMS, **changes))
    assert shown(model) == expected
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu", "silu", "tanh", "sigmoid"])
def test_activations(network, activation):
    model = network(replace(PARAMS, activation=activation, downsampling="stride", dense_units=7))
    named = [layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")]
    assert named == [activation] * 3 + ["softmax"]


@pytest.mark.parametrize(
    ("init", "name"),
    [
        ("normal", "RandomNormal"),
        ("uniform", "RandomUniform"),
        ("glorot", "GlorotUniform"),
        ("he", "HeNormal"),
    ],
)
def test_inits(network, init, name):
    model = network(replace(PARAMS, init=init, downsampling="stride", dense_units=7))
    inits = [
        type(layer.kernel_initializer).__name__
        for layer in model.layers
        if hasattr(layer, "kernel_initializer")
    ]
    assert inits == [name] * 4


def test_an_average_leaves_one_number_of_each_filter(network):
    assert network(replace(PARAMS, closing="average")).layers[-2].output.shape == (None, 4)


def test_odd_sizes_are_halved_upwards(network):
    task = replace(SMALL, shape=(7, 5, 1))
    for downsampling in ("max_pool", "stride"):
        model = network(replace(PARAMS, downsampling=downsampling), task)
        assert model.layers[1].output.shape == (None, 4, 3, 4)


def test_pixels_below_the_threshold_count_as_0(network):
    first = network(replace(PARAMS, threshold=0.5)).layers[0]
    pixels = np.array([[0.0, 0.3, 0.49, 0.51, 0.9, 1.0]], np.float32)
    expected = np.array([[0.0, 0.0, 0.0, 0.51, 0.9, 1.0]], np.float32)
    np.testing.assert_array_equal(np.asarray(first(pixels)), expected)


def test_the_images_are_first_seen_as_they_are_without_a_threshold(network):
    assert shown(network())[0] == CONV


def test_the_last_layer_gives_probabilities_of_each_class(network):
    images = np.random.default_rng(0).random((5, 8, 6, 2), dtype=np.float32)
    probabilities = network().predict(images, verbose=0)
    assert probabilities.shape == (5, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
