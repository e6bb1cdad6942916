"""Freeing what a training leaves behind in its process."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LEFT = "CustomGradient-"


@contextmanager
def leftovers_freed() -> Iterator[None]:
    """Free what TensorFlow and Keras would keep of the body until the process ends.

    Each network that is trained registers a gradient under a name of its own, and the registry
    keeps it, and with it the graph of the training: about 14 MB for each trial of a small network.
    What was registered before the body stays.
    """
    gradients = _registered_gradients()
    before = {*gradients}
    try:
        yield
    finally:
        for name in gradients.keys() - before:
            if name.startswith(LEFT):
                del gradients[name]
        if "keras" in sys.modules:
            # Frees names and kernels, less than 1 MB, and collects garbage: graphs are cyclic.
            sys.modules["keras"].backend.clear_session()


def keep_what_is_loaded() -> None:
    """Exclude everything loaded so far from garbage collection.

    Traversing TensorFlow's modules alone takes a third of a second each time.
    """
    gc.unfreeze()  # of what was loaded for another study much may be garbage by now
    gc.collect()
    gc.freeze()


def _registered_gradients() -> dict[str, Any]:
    """Return TensorFlow's registry of gradients; empty where it is not loaded or not found."""
    ops = sys.modules.get("tensorflow.python.framework.ops")
    registry = getattr(ops, "gradient_registry", None)
    table: dict[str, Any] = getattr(registry, "_registry", {})
    return table
