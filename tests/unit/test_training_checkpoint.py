"""A training that was interrupted ends as one that was not, to the last bit."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.training.params.cnn import Params
from hpo.training.task import Task

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

TASK = Task(shape=(8, 6, 1), classes=(2, 5, 9))
RNG = np.random.default_rng(0)
Y = np.resize(TASK.classes, 90)
X = RNG.random((90, 48), dtype=np.float32)
PLAIN = Params(
    blocks=1, filters=4, dense_units=6, batch_norm=True, dropout=0.3, batch_size=40, epochs=5
)
KINDS = {
    "plain": PLAIN,
    "augmented": replace(PLAIN, augmentation=True, rotation=20.0, shift=0.2, zoom=0.2),
    "averaged weights": replace(PLAIN, ema=0.9, schedule="cosine", optimizer="nadam"),
    "plateau": replace(PLAIN, schedule="plateau", learning_rate=0.03),
    "ended early": replace(PLAIN, patience=1, optimizer="sgd", learning_rate=0.3, epochs=9),
    "everything": replace(PLAIN, schedule="plateau", patience=4, ema=0.9, epochs=6),
}


class Interrupted(Exception):  # noqa: N818 - an event, not a failure
    """The worker was told to stop."""


@dataclass
class OnStep:
    """Hears of steps and interrupts the training after some of them."""

    checkpoint: Path | None
    last: int = 99
    heard: list[int] = field(default_factory=list)

    def __call__(self, step: int, _trained: Any) -> None:
        self.heard.append(step)
        if step == self.last:
            raise Interrupted


@pytest.fixture(scope="module")
def cnn():
    return pytest.importorskip("hpo.training.cnn")


def interrupted(cnn, params, file, last):
    with pytest.raises(Interrupted):
        cnn.fit(params, TASK, X, Y, 1, OnStep(file, last))


@pytest.mark.parametrize("params", KINDS.values(), ids=KINDS)
def test_a_training_that_goes_on_ends_as_one_that_was_not_interrupted(cnn, params, tmp_path):
    whole = OnStep(None)
    expected = cnn.fit(params, TASK, X, Y, 1, whole)
    file = tmp_path / "new" / "fold.npz"
    interrupted(cnn, params, file, 1)
    interrupted(cnn, params, file, 2)
    rest = OnStep(file)
    trained = cnn.fit(params, TASK, X, Y, 1, rest)
    assert rest.heard == whole.heard[1:]  # the second once more: it may not have been told
    for ours, theirs in zip(trained.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_hears_of_a_step_sees_the_network_that_it_saw_before(cnn, tmp_path):
    scores = []

    class Scoring(OnStep):
        def __call__(self, step, trained):
            scores.append(cnn.scores(trained, TASK, X))
            super().__call__(step, trained)

    for last in (2, 99):
        try:
            cnn.fit(KINDS["averaged weights"], TASK, X, Y, 1, Scoring(tmp_path / "a.npz", last))
        except Interrupted:
            assert len(scores) == 2
    np.testing.assert_array_equal(scores[1], scores[2])


def test_a_training_that_had_ended_is_not_trained_again(cnn, tmp_path):
    first = OnStep(tmp_path / "a.npz")
    expected = cnn.fit(PLAIN, TASK, X, Y, 1, first)
    again = OnStep(tmp_path / "a.npz")
    trained = cnn.fit(PLAIN, TASK, X, Y, 1, again)
    assert (first.heard, again.heard) == ([1, 2, 3, 4, 5], [5])
    for ours, theirs in zip(trained.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_where_nothing_can_be_kept_the_training_goes_on_and_says_so(cnn, tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    on_step = OnStep(tmp_path / "file" / "a.npz")
    cnn.fit(PLAIN, TASK, X, Y, 1, on_step)
    assert on_step.heard == [1, 2, 3, 4, 5]
    assert "the checkpoint is not saved" in caplog.text


def test_a_kept_training_is_read_without_pickle(cnn, tmp_path):
    interrupted(cnn, KINDS["everything"], tmp_path / "a.npz", 2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]  # and no half of it
    with np.load(tmp_path / "a.npz", allow_pickle=False) as kept:
        assert all(kept[name].dtype != object for name in kept.files)
