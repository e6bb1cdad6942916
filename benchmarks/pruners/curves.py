"""Train every configuration of a pool all the way, and keep its learning curve.

    python benchmarks/pruners/curves.py cnn-simple data/digits/train.npy
    python benchmarks/pruners/curves.py svm data/digits/train.npy

Writes curves-MODEL.json beside this file: for each configuration its parameters and the value at
each step, as a trial would report them. `compare.py` replays them under different pruners.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from hpo.device import cores, use_one_thread

use_one_thread()

import optuna  # noqa: E402 - after the threads are set

from hpo.data import load_dataset  # noqa: E402
from hpo.definition import parse  # noqa: E402
from hpo.objective import Objective, build_objective  # noqa: E402

HERE = Path(__file__).parent
IMAGES = {"shape": [28, 28, 1], "range": [0, 1]}

# The published grid of 36 points for the network; for the SVM a pool drawn at random.
DEFINITIONS: dict[str, dict[str, Any]] = {
    "cnn-simple": {
        "model": "cnn",
        "evaluation": {"folds": 5},
        "space": {
            "optimizer": ["adam", "nadam", "rmsprop"],
            "batch_size": [32, 64, 128],
            "init": ["normal", "uniform"],
            "activation": ["relu", "sigmoid"],
        },
        "fixed": {
            "blocks": 1,
            "kernel_size": 5,
            "padding": "valid",
            "dense_units": 128,
            "epochs": 10,
            "dropout": 0.2,
            "dropout_at": "blocks",
        },
    },
    "svm": {
        "model": "svm",
        "evaluation": {"holdout": 0.3},
        "space": {
            "components": {"low": 20, "high": 120},
            "whiten": [True, False],
            "kernel": ["rbf", "poly", "sigmoid", "linear"],
            "C": {"low": 0.1, "high": 1000, "log": True},
            "gamma": {"low": 0.0001, "high": 1, "log": True},
            "class_weight": ["none", "balanced"],
        },
    },
}
POOL = 120


def objective_of(model: str, file: str) -> Objective:
    """Return the objective of a model on a file of rows."""
    content = {"name": model, "seed": 1, "budget": {"trials": 1}}
    data = {"train": file, **IMAGES}
    definition = parse({**content, "data": data, **DEFINITIONS[model]}, model)
    return build_objective(definition, load_dataset(file, shape=(28, 28, 1)), model)


def points(model: str) -> list[dict[str, Any]]:
    """Return the configurations: the grid where all is choices, else a random pool."""
    space = DEFINITIONS[model]["space"]
    if all(isinstance(dimension, list) for dimension in space.values()):
        return [dict(zip(space, values, strict=True)) for values in product(*space.values())]
    return []


def climb(model: str, file: str, number: int) -> dict[str, Any]:
    """Train one configuration; its number decides which."""
    objective = objective_of(model, file)
    grid = points(model)
    trial: optuna.trial.BaseTrial
    if grid:
        trial = optuna.trial.FixedTrial(grid[number])
    else:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=number)).ask()
    params = objective.space.suggest(trial)
    curve: dict[int, float] = {}
    objective.evaluate(params, lambda step, value: curve.update({step: value()}))
    print(number, trial.params, list(curve.values())[-1], flush=True)
    return {"params": trial.params, "all": asdict(params), "curve": curve}


def main() -> None:
    """Train the pool, a process a core."""
    model, file = sys.argv[1:]
    numbers = range(len(points(model)) or POOL)
    with ProcessPoolExecutor(cores()) as pool:
        climbed = list(pool.map(climb, [model] * len(numbers), [file] * len(numbers), numbers))
    (HERE / f"curves-{model}.json").write_text(json.dumps(climbed) + "\n")


if __name__ == "__main__":
    main()
