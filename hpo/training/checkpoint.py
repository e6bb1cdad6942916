"""Saving the state of a training after each epoch, and resuming from it."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpo.training.steps import OnStep

log = logging.getLogger(__name__)

# The attributes in which callbacks keep state from epoch to epoch.
REMEMBERED = {
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "best_weights"),
}


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc] # keras has no types
    """Saves the state of a training after each epoch, then reports the epoch.

    A resumed training equals an uninterrupted one to the last bit: the file holds the weights, the
    state of the optimizer and of the random generators, and that of the callbacks before this one.
    The batches depend on the number of the epoch alone.
    """

    def __init__(self, on_step: OnStep, others: Sequence[keras.callbacks.Callback]) -> None:
        super().__init__()
        self.on_step, self.others = on_step, others
        self.file = on_step.checkpoint

    def on_train_begin(self, logs: object = None) -> None:
        """Resume from the file and report its epoch, which may not have been reported before."""
        del logs
        if self.file is None or not self.file.exists():
            return
        with np.load(self.file) as kept:
            for number, variable in enumerate(self._variables()):
                variable.assign(kept[f"variable {number}"])
            for key, callback, name in self._remembered():
                setattr(callback, name, _from_arrays(kept, key))
        self.on_step(epochs_kept(self.on_step), self.model)

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Save the state, then report the epoch."""
        del logs
        if self.file is not None:
            self._keep(self.file, self.params["epochs"] if self.model.stop_training else epoch + 1)
        self.on_step(epoch + 1, self.model)

    def _keep(self, path: Path, epochs: int) -> None:
        arrays: dict[str, Any] = {"epochs": np.array(epochs)}
        for number, variable in enumerate(self._variables()):
            arrays[f"variable {number}"] = keras.ops.convert_to_numpy(variable)
        for key, callback, name in self._remembered():
            arrays |= _to_arrays(key, getattr(callback, name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_suffix(f".{os.getpid()}")  # renamed when complete
            with half.open("wb") as file:
                np.savez(file, **arrays)
            half.replace(path)
        except OSError as error:  # a full disk does not end a training
            log.warning("%s: the checkpoint is not saved: %s", path, error)

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def _remembered(self) -> Iterator[tuple[str, keras.callbacks.Callback, str]]:
        for callback in self.others:
            for name in REMEMBERED.get(type(callback), ()):
                yield f"{type(callback).__name__} {name}", callback, name


def epochs_kept(on_step: OnStep) -> int:
    """Return how many epochs the checkpoint has finished: all of them after early stopping."""
    file = on_step.checkpoint
    if file is None or not file.exists():
        return 0
    with np.load(file) as kept:
        return int(kept["epochs"])


def _to_arrays(key: str, value: Any) -> dict[str, NDArray[Any]]:
    """Convert a number, a list of arrays or None to named arrays."""
    if value is None:
        return {}
    if isinstance(value, list):
        return {f"{key} {number}": array for number, array in enumerate(value)}
    return {key: np.array(value)}


def _from_arrays(kept: Any, key: str) -> Any:
    """Convert named arrays back to what `_to_arrays` was given."""
    if key in kept:
        return kept[key].item()
    several = [kept[name] for name in kept.files if name.startswith(f"{key} ")]
    return several or None
