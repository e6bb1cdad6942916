"""An objective that is all steps: each needs the one before, and any deviation grows.

It keeps its state the way that docs/own-model.md describes, and writes down each step.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from journal import Notes, wait_a_step
from numpy.typing import NDArray

from hpo.models import Labels, Rows
from hpo.training.steps import OnStep
from hpo.training.task import Task

State = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Params:
    """What a state is made of."""

    growth: float
    noise: float
    epochs: int


def fit(params: Params, task: Task, X: Rows, y: Labels, seed: int, on_step: OnStep) -> State:
    """Step from a random state, or from the one that is kept; on_step is called after each step."""
    del y
    notes = Notes(seed=seed, fold=on_step.checkpoint.name if on_step.checkpoint else "")
    notes.took(asdict(params))
    step, state = kept(on_step.checkpoint)
    if state is None:
        state = np.random.default_rng(seed).normal(size=(X.shape[1], len(task.classes)))
    else:
        on_step(step, state)  # the worker may have died before it was told
    while step < params.epochs:
        step += 1
        with notes.step(step):
            wait_a_step()
            state = following(params, state, seed, step)
        keep(on_step.checkpoint, step, state)
        on_step(step, state)
    return state


def following(params: Params, state: State, seed: int, step: int) -> State:
    """Return the state after a step."""
    noise = np.random.default_rng((seed, step)).normal(size=state.shape)
    after: State = np.sin(params.growth * state) + params.noise * noise
    return after


def kept(checkpoint: Path | None) -> tuple[int, State | None]:
    """Return the last step that a file holds, and the state after it."""
    if checkpoint is None or not checkpoint.exists():
        return 0, None
    with np.load(checkpoint) as file:
        return int(file["step"]), file["state"]


def keep(checkpoint: Path | None, step: int, state: State) -> None:
    """Replace the file as a whole; where it can't be written, the training goes on without."""
    if checkpoint is None:
        return
    half = checkpoint.with_suffix(f".{os.getpid()}")
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with half.open("wb") as file:
            np.savez(file, step=step, state=state)
        half.replace(checkpoint)
    except OSError as error:
        print(f"{checkpoint}: not kept: {error}")


def predict(state: State, task: Task, X: Rows) -> Labels:
    """Return the label of each row."""
    labels: Labels = np.array(task.classes)[(X @ state).argmax(axis=1)]
    return labels


def save(state: State, folder: Path) -> Path:
    """Write the state to a file in folder."""
    np.save(folder / "state.npy", state)
    return folder / "state.npy"
