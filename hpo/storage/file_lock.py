"""A file lock between processes, which the kernel releases when its process ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakSet


class FileLock:
    """An open file that can be locked with flock; child processes don't inherit it."""

    def __init__(self, path: Path) -> None:
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        _open.add(self)

    def fileno(self) -> int:
        """Return the file descriptor, for a program that should inherit it with its lock."""
        if self._file is None:
            raise ValueError("the lock is closed")
        return self._file

    def share(self) -> None:
        """Lock it shared; wait while another process holds it exclusively."""
        fcntl.flock(self.fileno(), fcntl.LOCK_SH)

    def take(self) -> None:
        """Lock it exclusively; wait while another process holds it."""
        fcntl.flock(self.fileno(), fcntl.LOCK_EX)

    def try_take(self) -> bool:
        """Lock it exclusively unless another process holds it; a failure loses a shared lock."""
        with suppress(BlockingIOError):
            fcntl.flock(self.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def close(self) -> None:
        """Release the lock and close the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


@contextmanager
def open_lock(path: Path) -> Iterator[FileLock]:
    """Open a lock and close it at the end."""
    lock = FileLock(path)
    try:
        yield lock
    finally:
        lock.close()


_open: WeakSet[FileLock] = WeakSet()


def _close_all() -> None:
    for lock in list(_open):
        lock.close()


# A forked child would keep its parent's locks; closing its copies does not release the parent's.
os.register_at_fork(after_in_child=_close_all)
