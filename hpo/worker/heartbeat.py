"""Saying that a trial's worker lives."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from hpo.errors import DatabaseError
from hpo.storage.database import HEARTBEAT_INTERVAL, Database
from hpo.storage.failures import database_errors

log = logging.getLogger(__name__)


@contextmanager
def heartbeat(database: Database, trial_id: int) -> Iterator[None]:
    """Record a heartbeat for a trial, again and again, as long as the body runs.

    A beat that fails is a beat missed, not the end: the grace period covers a database's restart.
    """
    ended = Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT_INTERVAL):
            try:
                with database_errors():
                    database.records.record_heartbeat(trial_id)
            except DatabaseError as error:
                log.warning("a heartbeat of trial %d was missed: %s", trial_id, error)

    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
