"""Retrying while the database is away."""

import logging
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from hpo.errors import DatabaseAway
from hpo.storage.failures import database_errors

PATIENCE = 600.0  # seconds; a restart or a failover takes less
LONGEST_PAUSE = 10.0  # seconds between two tries; with jitter, so that workers spread out

T = TypeVar("T")
log = logging.getLogger(__name__)


def persistently(call: Callable[[], T], give_up: Callable[[], bool] = lambda: False) -> T:
    """Call a function, which must be repeatable, until the database is not away.

    Raises:
        DatabaseAway: the database was away for PATIENCE, or `give_up` returned true.
        DatabaseError: the database refused, and will refuse again.
    """

    def once() -> T:
        with database_errors():  # Optuna's errors as well
            return call()

    is_too_long = stop_after_delay(PATIENCE)
    retrying = Retrying(
        retry=retry_if_exception_type(DatabaseAway),
        wait=wait_random_exponential(multiplier=0.1, max=LONGEST_PAUSE),
        stop=lambda state: give_up() or is_too_long(state),
        before_sleep=_say,
        reraise=True,
    )
    return retrying(once)


def _say(state: RetryCallState) -> None:
    if state.attempt_number == 1 and state.outcome is not None:
        log.warning("%s; trying again", state.outcome.exception())
