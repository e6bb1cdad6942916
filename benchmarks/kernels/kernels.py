"""What oneDNN's kernels, which hpo turns on, save of a training, beside TensorFlow's own choice.

    python benchmarks/kernels/kernels.py [ROUNDS]

Trains cnn-simple and cnn-deep on rows of noise, one thread, each in a process of its own, with and
without hpo's choice in turn. Prints medians in CPU seconds, which other work on the machine
disturbs least. Which kernels TensorFlow takes by itself depends on the processor: where it takes
these, there is nothing to save.
"""

import json
import os
import subprocess
import sys
import time
from statistics import median

from hpo.device import KERNELS, muted_stderr, use_one_thread

use_one_thread()

import numpy as np  # noqa: E402 - after the threads are set

from hpo.training.params.cnn import Params  # noqa: E402
from hpo.training.steps import OnStep  # noqa: E402
from hpo.training.task import Task  # noqa: E402

EPOCHS = 4  # the first is not counted: it builds the graph
TASK = Task(shape=(28, 28, 1), classes=tuple(range(10)))
NETWORKS = {
    "cnn-simple": Params(
        blocks=1, kernel_size=5, padding="valid", dense_units=128, batch_size=64, epochs=EPOCHS
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
        epochs=EPOCHS,
    ),
}
ROWS = {"cnn-simple": 6_400, "cnn-deep": 1_280}
IMAGES = 12_000  # an epoch is scaled to so many
CHOICES = ("TensorFlow's", "hpo's")


def measure(network: str, choice: str) -> None:
    """Print the CPU seconds of an epoch, as JSON."""
    if choice == "TensorFlow's":
        del os.environ[KERNELS]
    with muted_stderr():
        from hpo.training import cnn  # noqa: PLC0415 - it reads the choice
    count = ROWS[network]
    rows = np.random.default_rng(0).random((count, 28 * 28), dtype=np.float32)
    seconds = []
    started = time.process_time()

    def hear(_epoch: int, _model: object) -> None:
        nonlocal started
        seconds.append((time.process_time() - started) * IMAGES / count)
        started = time.process_time()

    with muted_stderr():
        cnn.fit(NETWORKS[network], TASK, rows, np.arange(count) % 10, 0, OnStep(hear))
    print(json.dumps(median(seconds[1:])))


def main(rounds: int) -> None:
    """Measure all in turn, and print the medians over the rounds."""
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(1, rounds + 1):
        for network in NETWORKS:
            for choice in CHOICES:
                command = [sys.executable, __file__, "--measure", network, choice]
                told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                found.setdefault((network, choice), []).append(json.loads(told.stdout))
                print(f"round {number}: {network}, {choice}: {told.stdout}", end="", flush=True)
    print(f"\n| epoch of {IMAGES} images | TensorFlow's choice | hpo's choice | of it |")
    print("| --- | --- | --- | --- |")
    for network in NETWORKS:
        theirs, ours = (median(found[network, choice]) for choice in CHOICES)
        print(f"| {network} | {theirs:.2f} CPU s | {ours:.2f} CPU s | {ours / theirs:.0%} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(*sys.argv[2:])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
