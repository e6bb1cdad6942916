"""The studies that go through chaos, and how long everything takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hpo.definition import in_toml

STUDY = "chaos"
ROWS = "rows.npy"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long things take, in seconds: the product's own times, all by the same factor."""

    scale: float = 0.1

    @property
    def interval(self) -> int:
        """Seconds between two heartbeats."""
        return max(1, round(10 * self.scale))

    @property
    def grace(self) -> int:
        """The age of a heartbeat at which its worker counts as dead."""
        return max(1, round(60 * self.scale))

    @property
    def step(self) -> float:
        """How long a step takes at least."""
        return 10 * self.scale

    @property
    def cut(self) -> float:
        """How long the network is cut: within the grace period."""
        return 20 * self.scale

    @property
    def stopped(self) -> float:
        """How long a process is stopped: beyond the grace period, and beyond a look for it."""
        return 1.5 * self.grace + 2

    @property
    def patience(self) -> float:
        """How long nothing happens at the most before the next event, whatever was worked."""
        return 150 * self.scale


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A study and its workers."""

    name: str
    definition: Mapping[str, Any]
    steps: int  # of all its trials together, about
    workers: int = 4

    @property
    def budget(self) -> int:
        """How many trials the study has."""
        return int(self.definition["budget"]["trials"])

    @property
    def steps_of_trial(self) -> int:
        """How many steps a trial has that is not pruned."""
        folds = self.definition["evaluation"].get("folds", 1)
        return int(folds * self.definition["fixed"]["epochs"])

    def shortened(self, trials: int, workers: int) -> "Scenario":
        """Return the same with fewer trials and workers."""
        definition = {**self.definition, "budget": {"trials": trials}}
        steps = self.steps * trials // self.budget
        return replace(self, definition=definition, steps=steps, workers=workers)

    def write(self, folder: Path) -> Path:
        """Write its definition and its rows, and give the file of the former."""
        np.save(folder / ROWS, _rows(int(np.prod(self._shape))))
        keys = [f"{k} = {in_toml(v)}\n" for k, v in self.definition.items() if not _is_table(v)]
        for name, table in self.definition.items():
            if _is_table(table):
                keys += [f"[{name}]\n", *(f"{key} = {in_toml(v)}\n" for key, v in table.items())]
        path = folder / f"{STUDY}.toml"
        path.write_text("".join(keys))
        return path

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self.definition["data"].get("shape", (4,)))


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _rows(features: int) -> np.ndarray:
    """Return 300 rows of three overlapping classes, the label last."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 100)
    X = np.clip(rng.normal(loc=0.3 + 0.2 * y[:, None], scale=0.3, size=(300, features)), 0, 1)
    return np.column_stack([X, y]).astype(np.float32)


STEPS = Scenario(
    name="steps",
    steps=480,
    definition={
        "name": STUDY,
        "model": "chaos_models:STEPPING",
        "data": {"train": ROWS},
        "evaluation": {"folds": 2},
        "space": {
            "growth": {"low": 1.0, "high": 4.0},
            "noise": {"low": 0.1, "high": 1.0},
        },
        "fixed": {"epochs": 6},
        "sampler": {"name": "random"},
        "pruner": {"name": "none"},
        "budget": {"trials": 40},
    },
)
HALVING = replace(
    STEPS,
    name="halving",
    steps=360,
    definition={
        **STEPS.definition,
        "fixed": {"epochs": 12},
        "pruner": {"name": "halving", "min_resource": 6, "reduction_factor": 3},
    },
)
NETWORK = replace(
    STEPS,
    name="network",
    steps=320,
    definition={
        **STEPS.definition,
        "model": "chaos_models:NETWORK",
        "data": {"train": ROWS, "shape": [8, 8, 1], "range": [0, 1]},
        "evaluation": {"holdout": 0.5},
        "space": {
            "dropout": {"low": 0.0, "high": 0.5},
            "learning_rate": {"low": 0.001, "high": 0.01, "log": True},
        },
        "fixed": {"blocks": 1, "filters": 4, "dense_units": 8, "epochs": 8},
    },
)
SCENARIOS = {scenario.name: scenario for scenario in (STEPS, HALVING, NETWORK)}
