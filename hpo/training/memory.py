"""What the process does with memory that it has freed."""

import ctypes

M_TOP_PAD = -2  # of glibc's malloc.h
M_MMAP_MAX = -4


def keep_freed_memory() -> None:
    """Let glibc keep what is freed: TensorFlow has it given back, at the cost of each batch."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TOP_PAD, 2**28)
