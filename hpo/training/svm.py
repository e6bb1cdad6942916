"""Principal components, then a support vector classifier."""

from pathlib import Path
from typing import Literal

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from hpo.training.params.svm import Params
from hpo.training.task import Task

# For each pair of classes: on labels that can't be separated the solver may never converge. What
# it has found by then is used.
MOST_ITERATIONS = 10**8


def fit(
    params: Params, _task: Task, X: NDArray[np.float32], y: NDArray[np.int64], seed: int
) -> Pipeline:
    """Train on rows X (n, features) with labels y (n,)."""
    pca = PCA(
        # A small sample or a small image has fewer.
        n_components=min(params.components, len(X) - 1, X.shape[1]),
        whiten=params.whiten,
        svd_solver=_solver(*X.shape),
    )
    svc = SVC(
        kernel=params.kernel,
        C=params.C,
        gamma=params.gamma,
        class_weight=None if params.class_weight == "none" else params.class_weight,
        cache_size=500,
        max_iter=MOST_ITERATIONS,
        random_state=seed,
    )
    # float32 is too coarse for whitening with the eigenvectors of the covariance.
    return make_pipeline(pca, svc).fit(X.astype(np.float64), y)


def _solver(rows: int, features: int) -> Literal["covariance_eigh", "full"]:
    """Return the faster PCA solver; results differ by rounding alone.

    "covariance_eigh" takes time cubic in the features, however few the rows. Up to 1000 features
    that is little, and using one solver for any number of rows keeps values comparable.
    """
    return "full" if features > max(1000, 2 * rows) else "covariance_eigh"


def predict(model: Pipeline, _task: Task, X: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the label of each row of X (n, features), as (n,)."""
    labels: NDArray[np.int64] = model.predict(X.astype(np.float64))
    return labels


def scores(model: Pipeline, _task: Task, X: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the decision score of each class for each row of X (n, features), as (n, classes)."""
    margins: NDArray[np.float64] = model.decision_function(X.astype(np.float64))
    return margins if margins.ndim > 1 else np.column_stack([-margins, margins])


def save(model: Pipeline, folder: Path) -> Path:
    """Write the trained model to a file in folder."""
    path = folder / "model.joblib"
    joblib.dump(model, path)
    return path
