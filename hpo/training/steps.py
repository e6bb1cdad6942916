"""What a training that climbs tells of: each step, and where it is kept meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class OnStep:
    """Hears of each step, from 1; whatever hear raises ends the training.

    checkpoint is the file in which a training keeps its state before it tells of a step, and from
    which it goes on where that exists; None where nothing is kept.
    """

    hear: Callable[[int, Any], None]  # the step, and what was trained so far
    checkpoint: Path | None = None

    def __call__(self, step: int, trained: Any) -> None:
        """Tell of a step."""
        self.hear(step, trained)
