"""What a network's trial costs until its first value, beside Keras' own way to get there.

    python benchmarks/start/start.py [ROUNDS]

Trains cnn-simple and cnn-deep for an epoch on rows of noise and scores the rows held out, as the
first epoch of a fold of `make demo` does: with hpo's training code, and in turn as Keras would by
itself, which creates the optimizer's variables while TensorFlow traces the training step, and
prepares a dataset to predict. Both compute the same numbers. One process, one thread; prints
medians in CPU seconds, which other work on the machine disturbs least.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from statistics import median
from unittest.mock import patch

from hpo.device import muted_stderr, use_one_thread

use_one_thread()

import numpy as np  # noqa: E402 - after the threads are set
from numpy.typing import NDArray  # noqa: E402

with muted_stderr():
    import keras
    import tensorflow as tf

    from hpo.training import cnn

from hpo.training.images import to_images  # noqa: E402
from hpo.training.params.cnn import Params  # noqa: E402
from hpo.training.task import Task  # noqa: E402

TASK = Task(shape=(28, 28, 1), classes=tuple(range(10)))
NETWORKS = {
    "cnn-simple": Params(
        blocks=1, kernel_size=5, padding="valid", dense_units=128, batch_size=64, epochs=1
    ),
    "cnn-deep": Params(
        blocks=2,
        convolutions=2,
        padding="valid",
        downsampling="stride",
        closing="convolution",
        dense_units=128,
        batch_norm=True,
        dropout=0.35,
        batch_size=64,
        epochs=1,
    ),
}
TRAINED, HELD_OUT = 3_200, 800  # rows
RNG = np.random.default_rng(0)
X = RNG.random((TRAINED + HELD_OUT, 28 * 28), dtype=np.float32)
Y = RNG.integers(0, 10, TRAINED)

Scores = NDArray[np.float32]


def by_hpo(params: Params) -> Scores:
    """Train and score as a trial does."""
    return cnn.scores(cnn.fit(params, TASK, X[:TRAINED], Y, 1), TASK, X[TRAINED:])


def by_keras(params: Params) -> Scores:
    """Train and score with what Keras does by itself."""
    with left_to_keras():
        model = cnn.fit(params, TASK, X[:TRAINED], Y, 1)
    return np.asarray(model.predict(to_images(X[TRAINED:], TASK), 128, verbose=0))


@contextmanager
def left_to_keras() -> Iterator[None]:
    """Ignore that hpo creates the optimizer's variables before the training step is traced."""
    build = keras.optimizers.Adam.build

    def in_the_step(self: keras.optimizers.Adam, variables: Iterable[keras.Variable]) -> None:
        if tf.inside_function():
            build(self, variables)

    with patch.object(keras.optimizers.Adam, "build", in_the_step):
        yield


def cpu_seconds(run: Callable[[Params], Scores], params: Params) -> tuple[float, Scores]:
    """Return what a run takes, and its scores."""
    start = time.process_time()
    scores = run(params)
    return time.process_time() - start, scores


def main(rounds: int) -> None:
    """Print a table."""
    print("| until the first value | Keras | hpo | of it |\n| --- | --- | --- | --- |")
    for name, params in NETWORKS.items():
        by_keras(params)  # the first of a process takes longer
        pairs = [
            (cpu_seconds(by_keras, params), cpu_seconds(by_hpo, params)) for _ in range(rounds)
        ]
        assert all(np.array_equal(one[1], other[1]) for one, other in pairs)
        ours, theirs = median(other[0] for _, other in pairs), median(one[0] for one, _ in pairs)
        print(f"| {name} | {theirs:.2f} CPU s | {ours:.2f} CPU s | {ours / theirs:.0%} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
