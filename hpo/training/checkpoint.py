"""The state of a training at the end of each epoch: told of, kept, and gone on from."""

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

# What callbacks remember from epoch to epoch, beside what stands in variables.
REMEMBERED = {
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "best_weights"),
}


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc] # keras has no types
    """Keeps a training at the end of each epoch, then tells of it.

    A training that goes on is the same to the last bit as one that was not interrupted: the file
    holds the weights, the state of the optimizer and of the random generators, and what the
    callbacks before this one remember. Batches follow from the number of their epoch.
    """

    def __init__(self, on_step: OnStep, others: Sequence[keras.callbacks.Callback]) -> None:
        super().__init__()
        self.on_step, self.others = on_step, others
        self.file = on_step.checkpoint

    def on_train_begin(self, logs: object = None) -> None:
        """Go on from what is kept, and tell of it again: the end may have come before."""
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
        """Keep the training and tell of it."""
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
            half = path.with_suffix(f".{os.getpid()}")  # so that the file is replaced as a whole
            with half.open("wb") as file:
                np.savez(file, **arrays)
            half.replace(path)
        except OSError as error:  # a full disk does not end a training
            log.warning("%s: the training is not kept: %s", path, error)

    def _variables(self) -> list[keras.Variable]:
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        return [*self.model.variables, *optimizer.variables]

    def _remembered(self) -> Iterator[tuple[str, keras.callbacks.Callback, str]]:
        for callback in self.others:
            for name in REMEMBERED.get(type(callback), ()):
                yield f"{type(callback).__name__} {name}", callback, name


def epochs_kept(on_step: OnStep) -> int:
    """Return how many epochs of a kept training are finished: all of them where it ended early."""
    file = on_step.checkpoint
    if file is None or not file.exists():
        return 0
    with np.load(file) as kept:
        return int(kept["epochs"])


def _to_arrays(key: str, value: Any) -> dict[str, NDArray[Any]]:
    """Return a number, a list of arrays or nothing as arrays."""
    if value is None:
        return {}
    if isinstance(value, list):
        return {f"{key} {number}": array for number, array in enumerate(value)}
    return {key: np.array(value)}


def _from_arrays(kept: Any, key: str) -> Any:
    """Return what was made arrays."""
    if key in kept:
        return kept[key].item()
    several = [kept[name] for name in kept.files if name.startswith(f"{key} ")]
    return several or None
