"""The quota of the artifact store, whose usage is measured now and then, not at each save."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hpo.errors import ArtifactError

QUOTA_VARIABLE = "HPO_ARTIFACT_QUOTA"
REMEASURE = 300  # seconds; meanwhile other processes may save beyond the quota
RETRY = 30  # seconds until a store that seems full is measured again


class Quota:
    """A limit on the bytes that `measure` returns; None is no limit."""

    def __init__(self, limit: int | None, measure: Callable[[], int]) -> None:
        self._limit, self._measure = limit, measure
        self._used, self._measured = 0, float("-inf")
        self._lock = threading.Lock()  # a dashboard saves from several threads

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Reserve so many bytes, and give them back if the body fails.

        Raises:
            ArtifactError: the quota has not so many left.
        """
        if self._limit is not None:
            self._take(size, self._limit)
        try:
            yield
        except BaseException:
            self.give_back(size)
            raise

    def give_back(self, size: int) -> None:
        """Count so many bytes as free."""
        with self._lock:
            self._used = max(0, self._used - size)

    def _take(self, size: int, limit: int) -> None:
        with self._lock:
            too_many = self._used + size > limit
            if time.monotonic() - self._measured > (RETRY if too_many else REMEASURE):
                self._used, self._measured = self._measure(), time.monotonic()
            if self._used + size > limit:
                raise ArtifactError(
                    f"{size:,} bytes are not kept: {self._used:,} of {limit:,} are in use: "
                    f"remove artifacts or raise {QUOTA_VARIABLE}"
                )
            self._used += size
