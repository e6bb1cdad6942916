"""What a study may ask of the convolutional networks."""

from itertools import product

import numpy as np
import pytest

from hpo.data import Dataset
from hpo.definition import parse
from hpo.errors import DefinitionError
from hpo.models.cnn import CNN
from hpo.objective import build_objective

SHAPE = [6, 6, 1]


def definition(content, space, fixed, shape=SHAPE):
    """The definition of a space, which holds nothing that is not given."""
    needed = {"blocks": 1, "epochs": 1}
    missing = {name: value for name, value in needed.items() if name not in space}
    sections = {
        "model": "cnn",
        "data": {"train": "rows.npy", "shape": shape},
        "space": space or {"learning_rate": [0.001]},
        "fixed": missing | fixed,
    }
    return parse(content | sections, "my.toml")


@pytest.fixture
def objective(content, dataset):
    def build(space=None, shape=SHAPE, **fixed):
        return build_objective(definition(content, space or {}, fixed, shape), dataset, "my.toml")

    return build


@pytest.fixture
def refusal(objective):
    def message(*arguments, **fixed):
        with pytest.raises(DefinitionError) as refused:
            objective(*arguments, **fixed)
        text = str(refused.value)
        assert "\n" not in text
        return text

    return message


def test_a_network_that_loses_the_image_is_refused_with_what_to_do(refusal):
    assert refusal(padding="valid", kernel_size=7) == (
        "my.toml: space: 6x6 images are too small for the largest network, whose block 1 finds "
        "nothing left: lower blocks, convolutions or kernel_size, or write padding = "
        '"same"'
    )


@pytest.mark.parametrize(
    ("space", "fixed", "block"),
    [
        ({}, {"padding": "valid", "convolutions": 3}, 1),
        ({}, {"padding": "valid", "blocks": 2}, 2),
        ({"blocks": {"low": 1, "high": 9}}, {"padding": "valid", "kernel_size": 2}, 3),
        ({"kernel_size": [3, 5]}, {"padding": "valid", "blocks": 2}, 2),
        ({"padding": ["same", "valid"]}, {"convolutions": 2, "blocks": 2}, 2),
    ],
)
def test_the_largest_network_of_a_space_decides(refusal, space, fixed, block):
    assert f"whose block {block} finds nothing left" in refusal(space, **fixed)


@pytest.mark.parametrize(
    ("space", "fixed"),
    [
        ({}, {"padding": "valid", "convolutions": 2}),
        ({}, {"padding": "valid", "blocks": 2, "kernel_size": 2}),
        ({}, {"padding": "same", "blocks": 9, "kernel_size": 11}),
        ({"blocks": {"low": 1, "high": 9}}, {}),
    ],
)
def test_a_network_that_leaves_something_of_the_image_is_accepted(objective, space, fixed):
    assert objective(space, **fixed).task.shape == (6, 6, 1)


def test_the_shorter_side_decides(refusal):
    message = refusal({}, [12, 3, 1], padding="valid", kernel_size=5)
    assert message.startswith("my.toml: space: 12x3 images are too small")


@pytest.mark.parametrize(
    ("space", "fixed", "kernel", "left"),
    [
        ({}, {"closing": "convolution"}, 4, 3),
        ({"closing": ["flatten", "convolution"]}, {}, 4, 3),
        ({"blocks": {"low": 1, "high": 2}}, {"closing": "convolution"}, 4, 2),
        ({"closing_kernel_size": [2, 5]}, {"closing": "convolution"}, 5, 3),
    ],
)
def test_a_closing_convolution_larger_than_what_is_left_is_refused(
    refusal, space, fixed, kernel, left
):
    assert refusal(space, **fixed) == (
        f"my.toml: space: closing_kernel_size {kernel} is too large: the deepest network leaves "
        f"{left} pixels of 6x6 images"
    )


def test_a_closing_convolution_of_what_is_left_is_accepted(objective):
    assert objective(closing="convolution", closing_kernel_size=3)


@pytest.mark.parametrize(
    ("space", "warmup"),
    [({"epochs": [4, 9]}, 4), ({"epochs": {"low": 3, "high": 9}}, 3.5), ({}, 1)],
)
def test_a_warm_up_that_leaves_no_epoch_of_some_trial_is_refused(refusal, space, warmup):
    message = refusal(space, schedule="cosine", warmup_epochs=warmup)
    assert message == "my.toml: space: warmup_epochs must stay below epochs"


def test_a_warm_up_that_leaves_an_epoch_is_accepted(objective):
    assert objective({"epochs": [4, 9]}, schedule="cosine", warmup_epochs=3.5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("downsampling", ["max_pool", "stride"])
def test_refused_is_what_keras_can_not_build(objective, downsampling):
    network = pytest.importorskip("hpo.training.network")
    task = objective().task
    names = ("blocks", "convolutions", "kernel_size", "padding", "closing_kernel_size")
    built = []
    for values in product([1, 2], [1, 2], [2, 3], ["same", "valid"], [2, 4]):
        fixed = dict(zip(names, values, strict=True)) | {
            "downsampling": downsampling,
            "closing": "convolution",
            "filters": 1,
        }
        layers = [*network.network(CNN.Params(**fixed, epochs=1), task)]
        try:
            objective(**fixed)
        except DefinitionError:
            built.append(False)
            with pytest.raises(ValueError, match=r"negative|dimension|size"):
                network.keras.Sequential(layers)
        else:
            built.append(network.keras.Sequential(layers).built)
    assert (built.count(True), built.count(False)) == (11, 21)


@pytest.mark.parametrize(
    ("name", "value", "other", "has"),
    [
        ("stride_kernel_size", 3, "downsampling", ["max_pool"]),
        ("closing_filters", 8, "closing", ["flatten", "average"]),
        ("closing_kernel_size", 2, "closing", ["average"]),
        ("momentum", 0.5, "optimizer", ["adam"]),
        ("weight_decay", 0.1, "optimizer", ["adam", "rmsprop", "nadam"]),
        ("warmup_epochs", 1, "schedule", ["constant", "plateau"]),
        ("rotation", 10, "augmentation", [False]),
        ("shift", 0.1, "augmentation", [False]),
        ("zoom", 0.1, "augmentation", [False]),
        ("interpolation", "bilinear", "augmentation", [False]),
    ],
)
def test_a_parameter_without_a_meaning_is_refused(refusal, name, value, other, has):
    for where in ("space", "fixed"):
        given = (
            ({other: has, name: [value]}, {}) if where == "space" else ({other: has}, {name: value})
        )
        assert refusal(given[0], **given[1]).startswith(
            f"my.toml: {where}.{name}: contradicts {other} = "
        )


def test_a_parameter_with_a_meaning_in_some_trials_is_accepted(objective):
    space = {"optimizer": ["adam", "sgd"], "momentum": {"low": 0.5, "high": 0.9}}
    assert set(objective(space).space.searched) == set(space)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blocks", 0),
        ("convolutions", 0),
        ("filters", 0),
        ("widening", 0.5),
        ("kernel_size", 0),
        ("dense_units", -1),
        ("dropout", 1.0),
        ("learning_rate", 0.0),
        ("label_smoothing", 1.0),
        ("batch_size", 0),
        ("epochs", 0),
        ("patience", -1),
        ("ema", 1.0),
        ("threshold", 1.0),
        ("test_shift", -1),
        ("activation", "softmax"),
        ("freeze", "everything"),
    ],
)
def test_a_value_that_no_training_can_have_is_refused(refusal, name, value):
    message = refusal({"init": ["he"]}, **{name: value})
    assert message.startswith(f"my.toml: fixed.{name}: ")
    assert "is not allowed" in message


def rows_of(count):
    y = np.repeat([2, 5, 9], count)
    return Dataset(X=np.ones((len(y), 36), np.float32), y=y, shape=None, source="rows.npy")


@pytest.mark.parametrize("watching", [{"patience": [0, 3]}, {"schedule": ["constant", "plateau"]}])
def test_rows_of_which_no_tenth_can_be_watched_are_refused(content, watching):
    given = definition(content, watching, {})
    build_objective(given, rows_of(15), "my.toml")  # learns from seven tenths of 45
    with pytest.raises(DefinitionError, match="27 are too few for 3 classes: leave out both"):
        build_objective(given, rows_of(13), "my.toml")


def test_as_few_rows_will_do_where_nothing_is_watched(content):
    build_objective(definition(content, {"dropout": [0.1, 0.2]}, {}), rows_of(13), "my.toml")
