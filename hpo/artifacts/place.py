"""What a place must do that keeps artifacts: a folder does, and a bucket."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

Write = Callable[[BinaryIO], object]
"""Writes the content of an artifact into an open file, which can be sought in."""

Admit = Callable[[int], AbstractContextManager[None]]
"""Holds room for so many bytes; it is given back when the body fails."""


class Place(Protocol):
    """Keeps files under keys that others have checked; every failure is an ArtifactError."""

    def write(self, key: str, write: Write, admit: Admit) -> None:
        """Keep a file; the key has it only when it is complete and will outlive a crash."""

    def open(self, key: str) -> BinaryIO:
        """Open a file for reading; one that is not there is an MissingArtifactError."""

    def remove(self, key: str) -> int:
        """Delete a file, if it is there; give how many bytes that were."""

    def forget(self, folder: str) -> int:
        """Delete all files whose keys begin with this and a slash; give how many bytes."""

    def usage(self) -> int:
        """Add up the bytes of all complete files."""
