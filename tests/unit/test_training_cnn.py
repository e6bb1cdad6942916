"""The training of the convolutional networks, on images of 8x6 pixels."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from hpo.training.params.cnn import Params
from hpo.training.steps import OnStep
from hpo.training.task import Task

KERAS_WARNS = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
pytestmark = [pytest.mark.slow, KERAS_WARNS]

TASK = Task(shape=(8, 6, 1), classes=(2, 5, 9))
ROWS = 96
PARAMS = Params(blocks=1, filters=4, dense_units=6, dropout=0.3, batch_size=40, epochs=3)

AUGMENTED = replace(PARAMS, augmentation=True, rotation=20.0, shift=0.2, zoom=0.2)
EMA = replace(PARAMS, ema=0.9, schedule="cosine")
PATIENT = replace(PARAMS, patience=2, batch_norm=True)
KINDS = {"plain": PARAMS, "augmented": AUGMENTED, "ema": EMA, "patient": PATIENT}
OVERFITTING = replace(PARAMS, dropout=0.0, learning_rate=0.05, epochs=30)
"""It learns labels that nothing tells by heart, so what it has not seen it gets more wrong."""


@pytest.fixture(scope="module")
def cnn():
    module = pytest.importorskip("hpo.training.cnn")
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


X, Y = rows(stripes(ROWS, 0)[0]), stripes(ROWS, 0)[1]
UNSEEN = rows(stripes(30, 1)[0])
NOISE = np.random.default_rng(2).random((60, 48), dtype=np.float32)


@pytest.fixture(scope="module")
def fitted(cnn):
    """A trained network; each is trained once."""
    return cache(lambda params=PARAMS, task=TASK, seed=1: cnn.fit(params, task, X, Y, seed))


def on_noise(cnn, params, hear):
    """A network that has nothing to learn but the rows themselves."""
    return cnn.fit(params, TASK, NOISE, np.resize(TASK.classes, 60), 1, OnStep(hear))


def assert_equal_weights(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def differ(first, second):
    return any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))


# ---- repeatable


def test_two_fits_with_one_seed_are_bitwise_equal(cnn, fitted):
    first, second = fitted(AUGMENTED), cnn.fit(AUGMENTED, TASK, X, Y, 1)
    assert_equal_weights(first.get_weights(), second.get_weights())
    np.testing.assert_array_equal(cnn.scores(first, TASK, UNSEEN), cnn.scores(second, TASK, UNSEEN))


def test_another_seed_gives_another_network(fitted):
    assert differ(fitted().get_weights(), fitted(seed=2).get_weights())


@pytest.mark.parametrize("params", KINDS.values(), ids=KINDS)
def test_judging_each_epoch_changes_nothing(cnn, fitted, params):
    """An exported script has no steps, and must give the value of the trial that had them."""
    heard = []

    def hear(epoch, model):
        heard.append(epoch)
        cnn.predict(model, TASK, UNSEEN)

    judged = cnn.fit(params, TASK, X, Y, 1, OnStep(hear))
    assert_equal_weights(judged.get_weights(), fitted(params).get_weights())
    assert heard == [1, 2, 3]


def test_an_epoch_is_the_network_of_a_shorter_training(cnn, fitted):
    weights = {}

    def hear(epoch, model):
        weights[epoch] = model.get_weights()

    cnn.fit(PARAMS, TASK, X, Y, 1, OnStep(hear))
    assert_equal_weights(weights[2], fitted(replace(PARAMS, epochs=2)).get_weights())


def test_what_a_step_raises_ends_the_training(cnn):
    heard = []

    def hear(epoch, _model):
        heard.append(epoch)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cnn.fit(PARAMS, TASK, X, Y, 1, OnStep(hear))
    assert heard == [1]


def test_images_that_were_stored_column_by_column_train_the_same(cnn, fitted):
    across = rows(stripes(ROWS, 0)[0].swapaxes(1, 2))
    turned = cnn.fit(PARAMS, replace(TASK, transposed=True), across, Y, 1)
    assert_equal_weights(turned.get_weights(), fitted().get_weights())


def test_a_saved_network_predicts_the_same(cnn, fitted, tmp_path):
    path = cnn.save(fitted(), tmp_path)
    assert path.parent == tmp_path
    again = cnn.keras.models.load_model(path)
    np.testing.assert_array_equal(
        cnn.scores(again, TASK, UNSEEN), cnn.scores(fitted(), TASK, UNSEEN)
    )


# ---- learning


def test_it_learns_what_is_easy_and_gives_the_data_s_own_labels(cnn, fitted):
    model = fitted(replace(PARAMS, epochs=20, learning_rate=0.01))
    predicted = cnn.predict(model, TASK, UNSEEN)
    assert np.mean(predicted == stripes(30, 1)[1]) > 0.9
    assert set(predicted) <= set(TASK.classes)
    assert predicted.dtype == np.int64


def test_scores_are_probabilities_in_the_order_of_the_classes(cnn, fitted):
    scores = cnn.scores(fitted(), TASK, UNSEEN)
    assert scores.shape == (30, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    labels = np.array(TASK.classes)[scores.argmax(axis=1)]
    np.testing.assert_array_equal(cnn.predict(fitted(), TASK, UNSEEN), labels)


def test_an_epoch_has_a_batch_for_every_so_many_rows(fitted):
    assert int(fitted().optimizer.iterations) == 3 * 3  # 40, 40 and 16 rows in 3 epochs


def test_rows_that_decide_over_the_end_are_not_learned_from(fitted):
    tight = replace(PARAMS, batch_size=87, epochs=1)
    assert int(fitted(tight).optimizer.iterations) == 2  # 87 and 9
    watching = replace(tight, patience=1)
    assert int(fitted(watching).optimizer.iterations) == 1  # 86, and 10 to watch
    lowering = replace(tight, schedule="plateau")
    assert int(fitted(lowering).optimizer.iterations) == 1


def test_the_optimizer_and_the_init_are_those_of_the_params(fitted):
    model = fitted(EMA)
    assert type(model.optimizer).__name__ == "Adam"
    assert model.optimizer.ema_momentum == 0.9
    assert model.layers[0].kernel_initializer.__class__.__name__ == "GlorotUniform"
    assert model.layers[0].filters == 4


def test_label_smoothing_takes_some_of_each_label_to_the_others(fitted):
    told, wrong, right = np.eye(3)[[0]], 0.1, 0.8
    predicted = np.array([[right, wrong, wrong]])
    sharp = float(fitted().loss(told, predicted))
    assert sharp == pytest.approx(-np.log(right), rel=1e-5)
    smooth = fitted(replace(PARAMS, label_smoothing=0.3))
    expected = -(0.8 * np.log(right) + 0.2 * np.log(wrong))
    assert float(smooth.loss(told, predicted)) == pytest.approx(expected, rel=1e-5)
    assert differ(smooth.get_weights(), fitted().get_weights())


# ---- augmentation


def test_augmentation_changes_what_is_learned(fitted):
    assert differ(fitted(AUGMENTED).get_weights(), fitted().get_weights())
    nothing = replace(PARAMS, augmentation=True)
    assert_equal_weights(fitted(nothing).get_weights(), fitted().get_weights())


def test_augmentation_is_off_in_prediction(cnn, fitted):
    names = [type(layer).__name__ for layer in fitted(AUGMENTED).layers]
    assert names == [type(layer).__name__ for layer in fitted().layers]
    first, second = (cnn.scores(fitted(AUGMENTED), TASK, UNSEEN) for _ in range(2))
    np.testing.assert_array_equal(first, second)


# ---- over the epochs


def test_patience_ends_the_training_and_gives_the_best_weights_back(cnn):
    seen = {}
    model = on_noise(
        cnn,
        replace(OVERFITTING, patience=2),
        lambda epoch, model: seen.update({epoch: model.get_weights()}),
    )
    last = max(seen)
    assert 3 <= last < 30
    assert_equal_weights(model.get_weights(), seen[last - 2])
    assert differ(model.get_weights(), seen[last])


def test_a_plateau_lowers_the_learning_rate(cnn):
    rates = []
    on_noise(
        cnn,
        replace(OVERFITTING, schedule="plateau", epochs=12),
        lambda _epoch, model: rates.append(float(model.optimizer.learning_rate)),
    )
    assert rates[:3] == [pytest.approx(0.05)] * 3
    assert rates == sorted(rates, reverse=True)
    steps = sorted({round(rate, 9) for rate in rates}, reverse=True)
    assert len(steps) > 1
    assert steps == pytest.approx([0.05 * 0.3**power for power in range(len(steps))])


def test_cosine_has_come_down_to_0_when_the_training_ends(fitted):
    assert float(fitted(EMA).optimizer.learning_rate) == 0
    begun = fitted(replace(EMA, batch_size=48, warmup_epochs=2.5)).optimizer
    assert float(begun._learning_rate(5)) == pytest.approx(0.001)  # of 6 batches


# ---- averaged weights


def test_the_averages_are_those_of_the_weights_of_each_batch(cnn):
    """One batch an epoch; the weights themselves go on as if nobody averaged them."""
    whole = replace(PARAMS, dropout=0.0, batch_size=ROWS, learning_rate=0.01)
    weights, averages = [], []
    for params, kept in (whole, weights), (replace(whole, ema=0.75), averages):
        hear = OnStep(lambda _, model, kept=kept: kept.append(model.get_weights()))
        cnn.fit(params, TASK, X, Y, 1, hear)
    expected = weights[0]
    for epoch, average in enumerate(averages):
        expected = [0.75 * e + 0.25 * w for e, w in zip(expected, weights[epoch], strict=True)]
        for a, e in zip(average, expected, strict=True):
            np.testing.assert_allclose(a, e, atol=1e-5)


def test_the_last_epoch_shows_the_network_that_fit_returns(cnn):
    shown = []
    hear = OnStep(lambda _, model: shown.append(cnn.scores(model, TASK, UNSEEN)))
    model = cnn.fit(EMA, TASK, X, Y, 1, hear)
    np.testing.assert_array_equal(cnn.scores(model, TASK, UNSEEN), shown[-1])


def test_patience_gives_the_averages_of_the_best_epoch_back(cnn):
    shown = {}
    model = on_noise(
        cnn,
        replace(OVERFITTING, patience=2, ema=0.5),
        lambda epoch, model: shown.update({epoch: cnn.scores(model, TASK, UNSEEN)}),
    )
    last = max(shown)
    assert last < 30
    np.testing.assert_array_equal(cnn.scores(model, TASK, UNSEEN), shown[last - 2])


def test_patience_that_does_not_run_out_gives_the_averages_of_the_best_epoch_back(cnn):
    shown = {}
    short = replace(PARAMS, patience=9, ema=0.5, learning_rate=0.01)
    hear = OnStep(lambda epoch, net: shown.update({epoch: cnn.scores(net, TASK, UNSEEN)}))
    model = cnn.fit(short, TASK, X, Y, 1, hear)
    assert max(shown) == 3
    scores = cnn.scores(model, TASK, UNSEEN)
    assert any(np.array_equal(scores, one) for one in shown.values())


# ---- pretrained weights

NORMED = replace(PARAMS, batch_norm=True)


@pytest.fixture(scope="module")
def pretrained(cnn, fitted, tmp_path_factory):
    """A task that begins with weights, and what they were."""
    model = fitted(NORMED)
    path = cnn.save(model, tmp_path_factory.mktemp("weights"))
    return replace(TASK, weights=str(path)), model


def features(model):
    """The weights before the image becomes a vector."""
    names = [type(layer).__name__ for layer in model.layers]
    return [w for layer in model.layers[: names.index("Flatten")] for w in layer.get_weights()]


def test_training_begins_with_the_weights_of_a_file(fitted, pretrained):
    task, before = pretrained
    still = fitted(replace(NORMED, learning_rate=1e-30, epochs=1), task, seed=5)
    for a, b in zip(still.trainable_weights, before.trainable_weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-25)


def test_without_freezing_all_weights_learn(fitted, pretrained):
    task, before = pretrained
    after = fitted(NORMED, task, seed=5)
    for a, b in zip(after.trainable_weights, before.trainable_weights, strict=True):
        assert not np.array_equal(a, b)


def test_frozen_features_stay_and_the_rest_learns(fitted, pretrained):
    task, before = pretrained
    after = fitted(replace(NORMED, freeze="features", augmentation=True, shift=0.2), task, seed=5)
    assert len(features(before)) == 6  # a convolution, and its normalisation with statistics
    assert_equal_weights(features(after), features(before))
    for layer, old in zip(after.layers[-4:], before.layers[-4:], strict=True):
        for a, b in zip(layer.get_weights(), old.get_weights(), strict=True):
            assert not np.array_equal(a, b)


def test_other_dropout_and_optimizers_may_begin_with_them(fitted, pretrained):
    task, before = pretrained
    other = replace(
        NORMED, dropout=0.0, threshold=0.1, optimizer="sgd", freeze="features", epochs=1
    )
    assert_equal_weights(features(fitted(other, task)), features(before))


# ---- the mean over shifts


def test_a_test_shift_predicts_by_the_mean_over_the_image_and_its_shifts(cnn, fitted, tmp_path):
    shifted = fitted(replace(PARAMS, test_shift=2))
    images = UNSEEN.reshape(-1, 8, 6)
    views = [images, *(np.roll(images, by, axis) for axis in (1, 2) for by in (2, -2))]
    expected = np.mean([cnn.scores(fitted(), TASK, rows(view)) for view in views], axis=0)
    scores = cnn.scores(shifted, TASK, UNSEEN)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    again = cnn.keras.models.load_model(cnn.save(shifted, tmp_path))
    np.testing.assert_array_equal(cnn.scores(again, TASK, UNSEEN), scores)
