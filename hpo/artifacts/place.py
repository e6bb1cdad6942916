"""The interface of a place that stores artifacts: a folder or a bucket."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

Write = Callable[[BinaryIO], object]
"""Writes the content of an artifact to an open file, which is seekable."""

Admit = Callable[[int], AbstractContextManager[None]]
"""Reserves so many bytes of the quota, which are given back if the body fails."""


class Place(Protocol):
    """Stores files under keys, which callers have checked; every failure is an ArtifactError."""

    def write(self, key: str, write: Write, admit: Admit) -> None:
        """Store a file, which appears under its key when it is complete and survives a crash."""

    def open(self, key: str) -> BinaryIO:
        """Open a file for reading.

        Raises:
            MissingArtifactError: there is none under this key.
        """

    def remove(self, key: str) -> int:
        """Delete a file, if it is there; return its size in bytes."""

    def forget(self, folder: str) -> int:
        """Delete all files whose keys begin with `folder/`; return their size in bytes."""

    def usage(self) -> int:
        """Add up the bytes of all complete files."""
