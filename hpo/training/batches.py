"""The batches of each epoch."""

from collections.abc import Iterator
from itertools import count

import numpy as np

from hpo.training.augmentation import Array, augment
from hpo.training.checkpoint import epochs_kept
from hpo.training.params.cnn import Params
from hpo.training.steps import OnStep


def batches(
    params: Params, images: Array, labels: Array, seed: int, on_step: OnStep | None = None
) -> Iterator[tuple[Array, Array]]:
    """Yield batches without end; those of an epoch depend on the seed and its number alone."""
    for epoch in count() if on_step is None else count(epochs_kept(on_step)):
        rng = np.random.default_rng((seed, epoch))
        for rows in np.split(
            rng.permutation(len(images)), range(params.batch_size, len(images), params.batch_size)
        ):
            yield (
                augment(params, images[rows], rng) if params.augmentation else images[rows],
                labels[rows],
            )
