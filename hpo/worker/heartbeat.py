"""The heartbeat of a trial that runs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from hpo.errors import DatabaseError, LeaseLost
from hpo.storage.stale import BEATS, grace_period
from hpo.worker.lease import Lease, free_stale

log = logging.getLogger(__name__)


@contextmanager
def heartbeat(lease: Lease) -> Iterator[None]:
    """Record heartbeats from a thread while the body runs and owns the trial.

    A beat that fails is logged and does no harm: the grace period covers a database's restart.
    With each beat, trials of the study whose workers have died are freed.
    """
    ended, interval = Event(), grace_period() / BEATS

    def beat() -> None:
        while not ended.wait(interval):
            try:
                lease.owned.write()
                free_stale(lease.stored)
            except LeaseLost:
                return  # the next write of a step raises it, too
            except DatabaseError as error:
                log.warning("a heartbeat of trial %d was missed: %s", lease.number, error)

    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
