"""How rows are split for training and evaluation."""

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

Split = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The indices of the training rows and of the rows held out."""


def holdout(y: NDArray[np.int64], share: float, seed: int) -> list[Split]:
    """Split the rows once, with this share held out, stratified by label."""
    return [train_test_split(np.arange(len(y)), test_size=share, stratify=y, random_state=seed)]


def folds(y: NDArray[np.int64], count: int, seed: int) -> list[Split]:
    """Split the rows into `count` folds, each held out once, stratified by label."""
    return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(y, y))
