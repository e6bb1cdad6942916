"""Temporary folders of trials, and removing those that killed workers left."""

import glob
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hpo.storage.file_lock import open_lock

PREFIX = "hpo-trial-"
LOCK = "in-use"  # a file in the folder; the kernel releases its lock when the process ends
NEW = 60.0  # seconds: a folder younger than this may not be locked yet


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a new temporary folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix=_prefix(), ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with open_lock(folder / LOCK) as lock:
            with suppress(OSError):  # a file system without locks
                lock.take()
            yield folder


def remove_left_over() -> None:
    """Remove the folders of workers that were killed, which could fill a disk within days.

    Only those of this machine: not every shared file system shows the locks of other machines.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{glob.escape(_prefix())}*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if time.time() - folder.stat().st_mtime > NEW and _is_left(folder):
                shutil.rmtree(folder)


def _prefix() -> str:
    return f"{PREFIX}{socket.gethostname()}+"  # no host name has a plus


def _is_left(folder: Path) -> bool:
    with open_lock(folder / LOCK) as lock:
        return lock.try_take()
