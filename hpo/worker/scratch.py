"""Temporary folders of trials, and removing those that killed workers left."""

import glob
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hpo.errors import HpoError, InputError
from hpo.storage.file_lock import open_lock

PREFIX = "hpo-trial-"
LOCK = "in-use"  # a file in the folder; the kernel releases its lock when the process ends
NEW = 60.0  # seconds: a folder younger than this may not be locked yet


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a new temporary folder, which is removed at the end.

    Raises:
        HpoError: it can't be made, as there is no space left.
    """
    with ExitStack() as stack:
        with _explained(HpoError):
            made = tempfile.TemporaryDirectory(prefix=_prefix(), ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
            lock = stack.enter_context(open_lock(folder / LOCK))
        with suppress(OSError):  # a file system without locks
            lock.take()
        yield folder


def remove_left_over() -> None:
    """Remove the folders of workers that were killed, which could fill a disk within days.

    Only those of this machine: not every shared file system shows the locks of other machines.

    Raises:
        InputError: there is no place for temporary files.
    """
    with _explained(InputError):
        place = Path(tempfile.gettempdir())
    for folder in place.glob(f"{glob.escape(_prefix())}*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if time.time() - folder.stat().st_mtime > NEW and _is_left(folder):
                shutil.rmtree(folder)


@contextmanager
def _explained(kind: type[HpoError]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind(
            f"no temporary folder can be made: {error}; set TMPDIR to a folder with space"
        ) from error


def _prefix() -> str:
    return f"{PREFIX}{socket.gethostname()}+"  # no host name has a plus


def _is_left(folder: Path) -> bool:
    with open_lock(folder / LOCK) as lock:
        return lock.try_take()
