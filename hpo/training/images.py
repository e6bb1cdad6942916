"""Rows of pixels as images."""

import numpy as np
from numpy.typing import NDArray

from hpo.training.task import Task


def to_images(X: NDArray[np.float32], task: Task) -> NDArray[np.float32]:
    """Reshape rows X (n, features) to images (n, height, width, channels)."""
    if task.transposed:
        return X.reshape(-1, task.shape[1], task.shape[0], task.shape[2]).swapaxes(1, 2)
    return X.reshape(-1, task.shape[0], task.shape[1], task.shape[2])
