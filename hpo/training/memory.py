"""What the process does with memory that it has freed."""

import ctypes

M_TOP_PAD, M_MMAP_MAX = -2, -4  # from glibc's malloc.h


def keep_freed_memory() -> None:
    """Let glibc keep what is freed, for the next batch.

    As soon as TensorFlow reads from a generator, it sets glibc to give the memory of each batch
    back to the system; taking it again costs as much time as training a deep network.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # it is glibc
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TOP_PAD, 256 * 2**20)
