"""A small study that is no images: rows in three overlapping classes, and a definition for them.

Its models are in the package centroid beside this file.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from hpo.definition import Definition, in_toml, parse

STEPS = 4  # of each trial

DEFINITION = {
    "name": "blobs",
    "model": "centroid:STEPWISE",
    "data": {"train": "blobs.npy"},
    "evaluation": {"holdout": 0.5},
    "space": {"rate": {"low": 0.1, "high": 0.9}},
    "fixed": {"epochs": STEPS},
    "sampler": {"name": "random"},
    "pruner": {"name": "none"},
    "budget": {"trials": 3},
}


def content(**changes: Any) -> dict[str, Any]:
    """Return what the usual definition file holds, with other sections."""
    return deepcopy(DEFINITION) | changes


def definition(**changes: Any) -> Definition:
    """Return the usual definition with other sections."""
    return parse(content(**changes), "test")


def write_definition(folder: Path, **changes: Any) -> Path:
    """Write the usual definition with other sections to a file."""
    sections = content(**changes)
    keys = [f"{key} = {in_toml(v)}\n" for key, v in sections.items() if not isinstance(v, dict)]
    for name, section in sections.items():
        if isinstance(section, dict):
            keys += [f"[{name}]\n", *(f"{key} = {in_toml(v)}\n" for key, v in section.items())]
    path = folder / f"{sections['name']}.toml"
    path.write_text("".join(keys))
    return path


def write_rows(folder: Path, seed: int = 0) -> Path:
    """Write 60 rows of 4 features, the label last."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], 20)
    X = rng.normal(size=(60, 4)) + y[:, None]
    path = folder / "blobs.npy"
    np.save(path, np.column_stack([X, y]).astype(np.float32))
    return path
