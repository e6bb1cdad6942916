"""Centroids that step from anywhere towards the class means."""

import time
from dataclasses import dataclass

import numpy as np

from centroid.distance import means, nearest, write


@dataclass(frozen=True, kw_only=True)
class Params:
    """How far to go with each epoch."""

    rate: float
    epochs: int
    pause: float = 0.0  # seconds after each epoch


def fit(params, task, X, y, seed, on_step=None):
    """Train on rows X (n, features) with labels y (n,); on_step is called after each epoch."""
    centroids = np.random.default_rng(seed).normal(size=(len(task.classes), X.shape[1]))
    goals = means(X, y, task.classes)
    for epoch in range(1, params.epochs + 1):
        centroids = centroids + params.rate * (goals - centroids)
        time.sleep(params.pause)
        if on_step:
            on_step(epoch, centroids)
    return centroids


def predict(centroids, task, X):
    """Return the label of each row of X (n, features), as (n,)."""
    return nearest(centroids, task.classes, X)


def save(centroids, folder):
    """Write the centroids to a file in folder."""
    return write(centroids, folder)
