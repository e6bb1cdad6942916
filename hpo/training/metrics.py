"""What a model is judged by: labels y (n,) against predicted ones (n,)."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score


def accuracy(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the share of rows that are right."""
    return float(accuracy_score(y, predicted))


def balanced_accuracy(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the mean over the classes of the share of their rows that are right."""
    return float(balanced_accuracy_score(y, predicted))


def f1_macro(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the mean over the classes of their F1."""
    return float(f1_score(y, predicted, average="macro", zero_division=0))


def error_rate(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the share of rows that are wrong."""
    return 1 - float(accuracy_score(y, predicted))
