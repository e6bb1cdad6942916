"""What augmentation costs beside the training of a deep network, and what kept memory saves.

    python benchmarks/augmentation/augmentation.py [ROUNDS]

Trains cnn-deep on rows of noise, one thread, in a process of its own: as hpo does, then with
augmentation, then without keeping freed memory, and so on in turn. After each epoch the batches of
12 000 images are made with and without augmentation, so that both are measured side by side. Prints
medians in CPU seconds, which other work on the machine disturbs least.
"""

import json
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import Any

from hpo.device import muted_stderr, use_one_thread

use_one_thread()

import numpy as np  # noqa: E402 - after the threads are set

from hpo.training.batches import batches  # noqa: E402
from hpo.training.params.cnn import Params  # noqa: E402
from hpo.training.steps import OnStep  # noqa: E402
from hpo.training.task import Task  # noqa: E402

IMAGES = 12_000
TRAINED = 2_400  # of them, for an epoch that is scaled to all
EPOCHS = 4  # the first is not counted: it builds the graph
TASK = Task(shape=(28, 28, 1), classes=tuple(range(10)))
DEEP = Params(
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
)
AUGMENTED = replace(DEEP, augmentation=True, rotation=10.0, shift=0.1, zoom=0.1)
BATCHES = {
    "images as they are": DEEP,
    "nearest": AUGMENTED,
    "bilinear": replace(AUGMENTED, interpolation="bilinear"),
}
TRAININGS = {
    "training": DEEP,
    "training, augmented (bilinear)": BATCHES["bilinear"],
    "training, memory given back": DEEP,
}


def seconds_of_batches(params: Params, images: Any) -> float:
    """Return the CPU seconds that the batches of an epoch of all images take."""
    labels = np.zeros((IMAGES, 10), np.float32)
    started = time.process_time()
    for _ in islice(batches(params, images, labels, 0), -(-IMAGES // params.batch_size)):
        pass
    return time.process_time() - started


def measure(training: str) -> None:
    """Print what an epoch takes, as JSON."""
    with muted_stderr():
        from hpo.training import cnn  # noqa: PLC0415 - it is TensorFlow that talks
    if training == "training, memory given back":
        setattr(cnn, "keep_freed_memory", lambda: None)  # noqa: B010 - it is imported there
    images = np.random.default_rng(0).random((IMAGES, 28, 28, 1), dtype=np.float32)
    seconds: dict[str, list[float]] = {training: [], **{way: [] for way in BATCHES}}
    started = time.process_time()

    def hear(_epoch: int, _model: object) -> None:
        nonlocal started
        seconds[training].append((time.process_time() - started) * IMAGES / TRAINED)
        for way, params in BATCHES.items():
            seconds[way].append(seconds_of_batches(params, images))
        started = time.process_time()

    rows = images[:TRAINED].reshape(TRAINED, -1)
    with muted_stderr():
        cnn.fit(TRAININGS[training], TASK, rows, np.arange(TRAINED) % 10, 0, OnStep(hear))
    print(json.dumps({what: round(median(taken[1:]), 3) for what, taken in seconds.items()}))


def main(rounds: int) -> None:
    """Measure all in turn, and print the medians over the rounds."""
    found: dict[str, list[float]] = {}
    for number in range(1, rounds + 1):
        for training in TRAININGS:
            command = [sys.executable, __file__, "--measure", training]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            print(f"round {number}: {told}", end="", flush=True)
            for what, seconds in json.loads(told).items():
                found.setdefault(what, []).append(seconds)
    whole = median(found["training"])
    print(f"\n| epoch of {IMAGES} images | CPU s | of the training |\n| --- | --- | --- |")
    for what in (*TRAININGS, *BATCHES):
        seconds = median(found[what])
        print(f"| {what} | {seconds:.2f} | {seconds / whole:.1%} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
