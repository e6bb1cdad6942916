"""What the process does with memory that it has freed."""

import ctypes


def keep_freed_memory() -> None:
    """Let glibc keep what is freed: TensorFlow has it given back, at the cost of each batch."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(-4, 0)  # M_MMAP_MAX of glibc's malloc.h
        mallopt(-2, 2**28)  # M_TOP_PAD
