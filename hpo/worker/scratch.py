"""A folder of one trial on this machine, and what is left of those of killed workers."""

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
LOCK = "in-use"  # a file in the folder; the kernel undoes its lock when the process ends
NEW = 60.0  # seconds: so young a folder may be about to be locked


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a new folder that goes with the body."""
    with tempfile.TemporaryDirectory(prefix=_prefix(), ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with open_lock(folder / LOCK) as lock:
            with suppress(OSError):  # a file system without locks: nobody can find it left over
                lock.take()
            yield folder


def remove_left_over() -> None:
    """Remove the folders of workers that were killed: of a week of those a disk may be full.

    Those of other machines stay, whose locks are not seen on each file system that is shared.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{glob.escape(_prefix())}*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if time.time() - folder.stat().st_mtime > NEW and _is_left(folder):
                shutil.rmtree(folder)


def _prefix() -> str:
    return f"{PREFIX}{socket.gethostname()}+"  # no name of a host has a plus


def _is_left(folder: Path) -> bool:
    with open_lock(folder / LOCK) as lock:
        return lock.try_take()
