"""Artifacts in a folder, which several machines may share."""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hpo.artifacts.place import Admit, Write
from hpo.errors import ArtifactError, MissingArtifactError

UNFINISHED = "_unfinished"  # not a valid study name; on the same disk, so that renames are atomic
ABANDONED = 3600  # seconds; no process takes that long to write a file


@dataclass(frozen=True)
class Folder:
    """Stores each artifact as a file, which is renamed to its key when it is complete."""

    root: Path

    def write(self, key: str, write: Write, admit: Admit) -> None:
        """Store a file, all of it or nothing."""
        path = self.root / key
        with self._errors():
            half = self._unfinished()
            try:
                size = _write_durably(half, write)
                with admit(size):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    half.replace(path)
                    self._flush_names(path)
            finally:
                half.unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        """Open a file for reading."""
        with self._errors():
            try:
                return (self.root / key).open("rb")
            except FileNotFoundError as error:
                raise MissingArtifactError(
                    f"{self.root / key}: there is no such artifact"
                ) from error

    def remove(self, key: str) -> int:
        """Delete a file, if it is there; return its size."""
        path = self.root / key
        with self._errors(), suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            return size
        return 0

    def forget(self, folder: str) -> int:
        """Delete a folder, renaming it first so that all files vanish at once; return its size."""
        path = self.root / folder
        with self._errors(), suppress(FileNotFoundError):  # another process may do the same
            if path.is_dir():
                size, doomed = _size(path), self._unfinished()
                path.rename(doomed)
                shutil.rmtree(doomed, ignore_errors=True)
                return size
        return 0

    def usage(self) -> int:
        """Add up the bytes of all complete files."""
        with self._errors():
            return _size(self.root)

    def _unfinished(self) -> Path:
        """Return a new path for an unfinished file, and delete those that killed processes left."""
        folder = self.root / UNFINISHED
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            with suppress(OSError):  # deleted meanwhile, or another user's
                if time.time() - left.stat().st_mtime > ABANDONED:
                    _delete(left)
        return folder / uuid.uuid4().hex

    def _flush_names(self, path: Path) -> None:
        for folder in path.parents[: len(path.relative_to(self.root).parts)]:
            number = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)

    def __str__(self) -> str:
        return str(self.root)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = error.filename or self.root
            raise ArtifactError(f"{where}: {error.strerror or error}") from error


def _write_durably(path: Path, write: Write) -> int:
    with path.open("xb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


def _size(root: Path) -> int:
    total = 0
    for folder, folders, names in os.walk(root, onerror=_raise_unless_gone):
        folders[:] = [name for name in folders if name != UNFINISHED]
        for name in names:
            with suppress(FileNotFoundError):  # others delete meanwhile
                total += os.lstat(Path(folder, name)).st_size
    return total


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
