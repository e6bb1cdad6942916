"""A folder of one trial on this machine, and what is left of those of killed workers."""

import shutil
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
    """Give a new folder that goes with the body."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with open_lock(folder / LOCK) as lock:
            lock.take()
            yield folder


def remove_left_over() -> None:
    """Remove the folders of workers that were killed: of a week of those a disk may be full."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if time.time() - folder.stat().st_mtime > NEW and _is_left(folder):
                shutil.rmtree(folder)


def _is_left(folder: Path) -> bool:
    with open_lock(folder / LOCK) as lock:
        return lock.try_take()
