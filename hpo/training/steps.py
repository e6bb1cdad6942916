"""The callback of a training that reports its steps, and where it keeps its state."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class OnStep:
    """Called after each step, from 1; an exception that the callback raises ends the training.

    `checkpoint` is the file to which a training saves its state before each call, and from which
    it resumes if the file exists; None to save nothing.
    """

    callback: Callable[[int, Any], None]  # takes the step and the model as trained so far
    checkpoint: Path | None = None

    def __call__(self, step: int, trained: Any) -> None:
        """Report a step."""
        self.callback(step, trained)
