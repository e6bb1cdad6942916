"""Keeping freed memory in the process."""

import ctypes


def keep_freed_memory() -> None:
    """Stop glibc from returning freed memory to the system, which slows every batch."""
    if mallopt := getattr(ctypes.pythonapi, "mallopt", None):
        mallopt(-4, 0)  # M_MMAP_MAX of glibc's malloc.h
        mallopt(-2, 2**28)  # M_TOP_PAD
