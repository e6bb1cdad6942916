"""How far each batch moves the weights."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hpo.training.params.cnn import Params

KERAS_WARNS = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
pytestmark = [pytest.mark.slow, KERAS_WARNS]

PARAMS = Params(blocks=1, epochs=10, learning_rate=0.02)
COSINE = replace(PARAMS, schedule="cosine")
STEPS = 8  # in an epoch


@pytest.fixture(scope="module")
def optimizer():
    module = pytest.importorskip("hpo.training.optimizers")
    module.keras.backend.clear_session()
    return lambda params, steps: module.optimizer(params, module.learning_rate(params, steps))


@pytest.fixture
def rates(optimizer):
    """The learning rate of each batch of a training."""

    def rates(params, steps=STEPS):
        rate = optimizer(params, steps)._learning_rate
        return [float(rate(step)) for step in range(params.epochs * steps)]

    return rates


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("adam", "Adam"),
        ("nadam", "Nadam"),
        ("rmsprop", "RMSprop"),
        ("adamw", "AdamW"),
        ("sgd", "SGD"),
    ],
)
def test_each_optimizer_has_its_learning_rate(optimizer, name, cls):
    made = optimizer(replace(PARAMS, optimizer=name), STEPS)
    assert type(made).__name__ == cls
    assert float(made.learning_rate) == pytest.approx(0.02)


def test_sgd_has_nesterov_s_momentum(optimizer):
    made = optimizer(replace(PARAMS, optimizer="sgd", momentum=0.7), STEPS)
    assert (made.momentum, made.nesterov) == (0.7, True)


@pytest.mark.parametrize("name", ["adam", "nadam", "rmsprop"])
def test_the_others_have_neither_momentum_nor_decay_of_ours(optimizer, name):
    made = optimizer(replace(PARAMS, optimizer=name, momentum=0.7, weight_decay=0.01), STEPS)
    assert getattr(made, "momentum", 0.0) == 0.0
    assert made.weight_decay is None


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_weights_decay_as_much_as_is_said(optimizer, name, decay):
    """AdamW has a decay of its own where it is given none."""
    made = optimizer(replace(PARAMS, optimizer=name, weight_decay=decay), STEPS)
    assert made.weight_decay == decay


def test_a_constant_rate_is_one_number(optimizer):
    assert optimizer(PARAMS, STEPS)._learning_rate.numpy() == np.float32(0.02)


def test_a_plateau_can_lower_the_rate(optimizer):
    made = optimizer(replace(PARAMS, schedule="plateau"), STEPS)
    made.learning_rate = 0.01  # a schedule could not be set
    assert float(made.learning_rate) == pytest.approx(0.01)


def test_cosine_begins_at_the_rate_and_ends_nearly_at_0(rates):
    found = rates(COSINE)
    expected = [0.01 * (1 + math.cos(math.pi * step / 80)) for step in range(80)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-8)
    assert found[0] == pytest.approx(0.02)
    assert found[40] == pytest.approx(0.01)
    assert 0 < found[-1] < 1e-5


def test_a_warm_up_rises_to_the_rate_where_the_cosine_begins(rates):
    found = rates(replace(COSINE, warmup_epochs=2.0))
    assert found[0] == 0
    assert found[8] == pytest.approx(0.01)
    assert found[15] == pytest.approx(0.02 * 15 / 16)
    assert found[16] == pytest.approx(0.02)
    assert found[48] == pytest.approx(0.01)
    assert found[79] == pytest.approx(0.01 * (1 + math.cos(math.pi * 63 / 64)), rel=1e-3)
    assert max(found) == found[16]


def test_a_warm_up_may_be_a_part_of_an_epoch(rates):
    found = rates(replace(COSINE, warmup_epochs=0.5))
    assert found.index(max(found)) == 4


def test_a_warm_up_may_take_all_but_the_last_epoch(rates):
    found = rates(replace(COSINE, warmup_epochs=9.0))
    assert found.index(max(found)) == 72


def test_a_training_of_one_batch_has_a_rate(rates):
    assert rates(replace(COSINE, epochs=1), steps=1) == [pytest.approx(0.02)]
    assert rates(replace(COSINE, epochs=1, warmup_epochs=0.9), steps=1) == [pytest.approx(0.02)]


def test_an_average_of_the_weights_has_its_momentum(optimizer):
    made = optimizer(replace(PARAMS, ema=0.9), STEPS)
    assert (made.use_ema, made.ema_momentum, made.ema_overwrite_frequency) == (True, 0.9, None)


def test_without_a_momentum_there_is_no_average(optimizer):
    assert not optimizer(PARAMS, STEPS).use_ema
