"""Turning off tf.data's autotuning, which delays the end of each training and prediction."""

import sys
from functools import wraps
from typing import Any

ADAPTERS = "keras.src.trainers.data_adapters"


def end_without_tuning() -> None:
    """Let Keras on TensorFlow release its datasets at once.

    tf.data tunes its buffers in a thread that sleeps, twice as long each time and up to a minute,
    and releasing an iterator waits until it wakes. Keras turns tuning on for generators and arrays,
    and has no setting for it. Batches are still prefetched. Does nothing if Keras is not loaded.
    """
    for module, name in (
        ("generator_data_adapter", "GeneratorDataAdapter"),
        ("array_data_adapter", "ArrayDataAdapter"),
    ):
        adapter = getattr(sys.modules.get(f"{ADAPTERS}.{module}"), name, None)
        if adapter is not None and not hasattr(adapter.get_tf_dataset, "__wrapped__"):
            adapter.get_tf_dataset = _untuned(adapter.get_tf_dataset)


def _untuned(get_tf_dataset: Any) -> Any:
    @wraps(get_tf_dataset)
    def untuned(adapter: Any) -> Any:
        options = sys.modules["tensorflow"].data.Options()
        options.autotune.enabled = False
        return get_tf_dataset(adapter).with_options(options)

    return untuned
