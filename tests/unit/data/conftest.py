from pathlib import Path

import numpy as np
import pytest

from hpo.data import Digits, clean_digits

MNIST = Path(__file__).parents[4] / "shared" / "data" / "mnist"


@pytest.fixture(scope="session")
def embedded():
    return clean_digits("embedded")


@pytest.fixture
def mnist_folder():
    if not MNIST.is_dir():
        pytest.skip("the real MNIST idx files are not beside this checkout (../shared/data/mnist)")
    return MNIST


@pytest.fixture
def some_digits():
    """Fifty digits that are all different and not square, so a wrong turn shows."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (50, 5, 4), dtype=np.uint8)
    images[rng.random(images.shape) < 0.5] = 0
    return Digits(images=images, labels=np.arange(50) % 10, source="embedded")
