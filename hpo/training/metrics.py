"""Metrics of predicted labels (n,) against true labels y (n,)."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score


def accuracy(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the share of correct predictions."""
    return float(accuracy_score(y, predicted))


def balanced_accuracy(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the mean recall of the classes."""
    return float(balanced_accuracy_score(y, predicted))


def f1_macro(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the mean F1 score of the classes."""
    return float(f1_score(y, predicted, average="macro", zero_division=0))


def error_rate(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the share of wrong predictions."""
    return 1 - float(accuracy_score(y, predicted))
