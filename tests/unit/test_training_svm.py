import tracemalloc
from dataclasses import replace

import joblib
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

from hpo.training import svm
from hpo.training.params.svm import Params
from hpo.training.task import Task

TASK = Task(shape=(8,), classes=(3, 7))
PARAMS = Params(components=4, whiten=True, kernel="rbf", C=10.0)


def clouds(count, seed):
    """Two clouds of eight numbers each, well apart, labelled 3 and 7."""
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(count) % 2, 7, 3)
    return (rng.normal(size=(count, 8)) + y[:, None]).astype(np.float32), y


@pytest.mark.parametrize("kernel", ["linear", "rbf", "poly", "sigmoid"])
@pytest.mark.parametrize("class_weight", ["none", "balanced"])
def test_it_learns_what_is_easy(kernel, class_weight):
    params = replace(PARAMS, kernel=kernel, class_weight=class_weight, whiten=False)
    model = svm.fit(params, TASK, *clouds(60, 0), seed=1)
    X, y = clouds(40, 1)
    predicted = svm.predict(model, TASK, X)
    assert np.mean(predicted == y) > 0.9
    assert set(predicted) <= {3, 7}


def test_every_parameter_reaches_the_model():
    params = Params(
        components=3, whiten=True, kernel="poly", C=2.5, gamma=0.25, class_weight="balanced"
    )
    pca, svc = (step for _, step in svm.fit(params, TASK, *clouds(30, 0), seed=5).steps)
    assert (pca.n_components_, pca.whiten) == (3, True)
    assert (svc.kernel, svc.C, svc.gamma, svc.class_weight) == ("poly", 2.5, 0.25, "balanced")
    assert svc.random_state == 5


def test_no_class_weight_is_scikit_learn_s_none():
    assert svm.fit(PARAMS, TASK, *clouds(30, 0), seed=1).steps[1][1].class_weight is None


@pytest.mark.parametrize(("rows", "components"), [(30, 100), (4, 6)])
def test_more_components_than_there_can_be_are_as_many_as_there_can_be(rows, components):
    params = replace(PARAMS, components=components)
    model = svm.fit(params, TASK, *clouds(rows, 0), seed=1)
    assert model.steps[0][1].n_components_ == min(rows - 1, 8)


def test_the_same_seed_gives_the_same_model():
    X, y = clouds(60, 0)
    first, second = (svm.fit(PARAMS, TASK, X, y, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.decision_function(X), second.decision_function(X))


def test_whitening_is_exact():
    X, y = clouds(200, 0)
    pca = svm.fit(PARAMS, TASK, X + 1000, y, seed=1).steps[0][1]
    covariance = np.cov(pca.transform((X + 1000).astype(np.float64)).T)
    np.testing.assert_allclose(covariance, np.eye(4), atol=1e-9)


def pixels(rows, features):
    """Rows that have no structure, where each component is only a little above the next."""
    rng = np.random.default_rng(0)
    return rng.random((rows, features), np.float32), np.where(np.arange(rows) % 2, 7, 3)


def test_few_rows_of_many_features_need_no_square_of_the_features():
    svm.fit(PARAMS, TASK, *pixels(40, 20), seed=1)  # what it imports then is not counted
    X, y = pixels(40, 2000)
    tracemalloc.start()
    model = svm.fit(PARAMS, TASK, X, y, seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2000 * 2000 * 8 / 2
    _, _, axes = np.linalg.svd((X - X.mean(axis=0)).astype(np.float64), full_matrices=False)
    overlap = np.abs(np.sum(model.steps[0][1].components_ * axes[:4], axis=1))
    np.testing.assert_allclose(overlap, 1, atol=1e-6)


def test_a_small_sample_of_small_images_has_the_components_of_the_covariance():
    X, y = pixels(40, 784)
    pca = PCA(4, whiten=True, svd_solver="covariance_eigh").fit(X.astype(np.float64))
    found = svm.fit(PARAMS, TASK, X, y, seed=1).steps[0][1]
    np.testing.assert_array_equal(found.components_, pca.components_)


def test_labels_that_no_plane_divides_end_at_a_limit_with_what_is_found(monkeypatch):
    monkeypatch.setattr(svm, "MOST_ITERATIONS", 20_000)
    X, y = pixels(60, 8)
    params = replace(PARAMS, components=8, whiten=False, kernel="linear", C=1000.0)
    with pytest.warns(ConvergenceWarning, match="max_iter=20000"):
        first, second = (svm.fit(params, TASK, X * 255, y, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.decision_function(X), second.decision_function(X))
    assert set(svm.predict(first, TASK, X)) <= {3, 7}


def test_a_saved_model_predicts_the_same(tmp_path):
    X, y = clouds(60, 0)
    model = svm.fit(PARAMS, TASK, X, y, seed=1)
    path = svm.save(model, tmp_path)
    assert path.parent == tmp_path
    again = svm.predict(joblib.load(path), TASK, X)
    np.testing.assert_array_equal(again, svm.predict(model, TASK, X))
