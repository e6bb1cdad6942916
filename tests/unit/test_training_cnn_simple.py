"""The network itself; the only unit tests that import Keras."""

from dataclasses import replace

import numpy as np
import pytest

from hpo.training.params.cnn_simple import Params
from hpo.training.task import Task

KERAS_WARNS = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
pytestmark = [pytest.mark.slow, KERAS_WARNS]

TASK = Task(shape=(8, 6, 1), classes=(2, 5, 9))
PARAMS = Params(
    optimizer="adam", batch_size=16, dropout=0.3, init="normal", activation="relu", epochs=3
)


@pytest.fixture(scope="module")
def cnn_simple():
    module = pytest.importorskip("hpo.training.cnn_simple")
    module.keras.backend.clear_session()
    return module


def stripes(count, seed):
    """Images with a bright row that tells the class."""
    rng = np.random.default_rng(seed)
    y = np.array(TASK.classes)[np.arange(count) % 3]
    images = rng.random((count, 8, 6)).astype(np.float32) * 0.5
    images[np.arange(count), np.arange(count) % 3 * 3] += 0.5
    return images, y


def rows(images):
    return images.reshape(len(images), -1)


def fitted(cnn_simple, params=PARAMS, seed=1, on_step=None):
    images, y = stripes(96, 0)
    more = (on_step,) if on_step else ()
    return cnn_simple.fit(params, TASK, rows(images), y, seed, *more)


def assert_equal_weights(first, second):
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_fits_with_one_seed_are_bitwise_equal(cnn_simple):
    first, second = fitted(cnn_simple), fitted(cnn_simple)
    assert_equal_weights(first, second)
    X = rows(stripes(30, 1)[0])
    np.testing.assert_array_equal(
        cnn_simple.predict(first, TASK, X), cnn_simple.predict(second, TASK, X)
    )


def test_another_seed_gives_another_network(cnn_simple):
    first, second = fitted(cnn_simple, seed=1), fitted(cnn_simple, seed=2)
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])


def test_judging_each_epoch_changes_nothing(cnn_simple):
    """An exported script has no steps, and must give the value of the trial that had them."""
    X = rows(stripes(30, 1)[0])
    heard = []

    def on_step(epoch, network):
        heard.append(epoch)
        cnn_simple.predict(network, TASK, X)

    assert_equal_weights(fitted(cnn_simple, on_step=on_step), fitted(cnn_simple))
    assert heard == [1, 2, 3]


def test_what_a_step_raises_ends_the_training(cnn_simple):
    heard = []

    def on_step(epoch, _network):
        heard.append(epoch)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(cnn_simple, on_step=on_step)
    assert heard == [1]


def test_an_epoch_is_the_network_of_a_shorter_training(cnn_simple):
    weights = {}
    fitted(cnn_simple, on_step=lambda epoch, net: weights.setdefault(epoch, net.get_weights()))
    shorter = fitted(cnn_simple, replace(PARAMS, epochs=2)).get_weights()
    for a, b in zip(weights[2], shorter, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_learns_what_is_easy_and_gives_the_data_s_own_labels(cnn_simple):
    network = fitted(cnn_simple, replace(PARAMS, epochs=20, learning_rate=0.01))
    images, y = stripes(60, 1)
    predicted = cnn_simple.predict(network, TASK, rows(images))
    assert np.mean(predicted == y) > 0.9
    assert set(predicted) <= set(TASK.classes)


def test_images_that_were_stored_column_by_column_train_the_same(cnn_simple):
    images, y = stripes(48, 0)
    turned = replace(TASK, transposed=True)
    straight = cnn_simple.fit(PARAMS, TASK, rows(images), y, 1)
    across = cnn_simple.fit(PARAMS, turned, rows(images.swapaxes(1, 2)), y, 1)
    assert_equal_weights(straight, across)


@pytest.mark.parametrize("optimizer", ["adam", "nadam", "rmsprop"])
def test_every_parameter_reaches_the_network(cnn_simple, optimizer):
    params = Params(
        optimizer=optimizer,
        batch_size=8,
        dropout=0.25,
        init="uniform",
        activation="sigmoid",
        epochs=1,
        learning_rate=0.02,
    )
    network = cnn_simple.build(params, TASK)
    convolution, _, dropout, _, dense, last = network.layers
    assert type(network.optimizer).__name__.lower() == optimizer
    assert float(network.optimizer.learning_rate) == pytest.approx(0.02)
    assert dropout.rate == 0.25
    assert [layer.activation.__name__ for layer in (convolution, dense, last)] == [
        "sigmoid",
        "sigmoid",
        "softmax",
    ]
    inits = [type(layer.kernel_initializer).__name__ for layer in (convolution, dense, last)]
    assert inits == ["RandomUniform"] * 3
    assert network.output_shape == (None, 3)


def test_a_saved_network_predicts_the_same(cnn_simple, tmp_path):
    network = fitted(cnn_simple)
    path = cnn_simple.save(network, tmp_path)
    assert path.parent == tmp_path
    again = cnn_simple.keras.models.load_model(path)
    X = rows(stripes(30, 1)[0])
    np.testing.assert_array_equal(
        cnn_simple.predict(again, TASK, X), cnn_simple.predict(network, TASK, X)
    )
