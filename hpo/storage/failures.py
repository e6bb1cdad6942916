"""Translating errors of the database and its driver to hpo's: one line each, without a password."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from optuna.exceptions import StorageInternalError
from sqlalchemy import exc

from hpo.errors import DatabaseAway, DatabaseError, HpoError, InputError

URL_VARIABLE = "HPO_DATABASE_URL"
NO_TABLES = "the database has no hpo tables: run `hpo init` first"
UNDEFINED_TABLE = "42P01"  # an SQLSTATE

# PendingRollbackError: what a session raises whose connection broke in an earlier query, which
# Optuna has caught.
OF_CONNECTION = (exc.DisconnectionError, exc.TimeoutError, exc.PendingRollbackError)

# SQLSTATE classes: connection failure, conflicting transactions, too many connections or no memory,
# server shutdown or start, I/O error.
PASSING = ("08", "40", "53", "57", "58")
INVALID = "(^|failed: )invalid "  # what libpq says of a setting, before it connects
REFUSED = "authentication|no password|does not exist|permission denied|no pg_hba.conf entry"

MAPPED = (
    exc.DBAPIError,
    exc.DisconnectionError,
    exc.TimeoutError,
    psycopg2.Error,
    StorageInternalError,
)

# Messages of libpq or the server, with what the user can do about them; the first match counts.
CORRECT = f"correct {URL_VARIABLE}"
ADVICE = {
    "password authentication failed": f"check the user and the password in {URL_VARIABLE}",
    "no password supplied": f"put the password into {URL_VARIABLE}",
    "(database|role) .* does not exist": f"create it, or {CORRECT}",
    "permission denied": f"grant the right to the user in {URL_VARIABLE}",
    "read-only transaction": f"the user in {URL_VARIABLE} only reads: use one that writes",
    "too many clients|connection slots": "stop some workers, or raise max_connections",
    "statement timeout": "another process holds a lock, or the server is overloaded",
    INVALID: CORRECT,
    "^connection to server|^could not": f"start the server, or {CORRECT}",
}


@contextmanager
def database_errors() -> Iterator[None]:
    """Raise errors of the body's database calls as DatabaseError, with their cause.

    Raises:
        DatabaseAway: the connection broke, or none could be opened.
        DatabaseError: the database refused, and will refuse again.
        InputError: a setting in the URL is invalid.
    """
    try:
        yield
    except MAPPED as error:
        raise _kind(error)(describe(error)) from error


def _kind(error: BaseException) -> type[HpoError]:
    cause = _driver_error(error)
    if cause is not None and cause.pgcode is None and re.search(INVALID, _first_line(cause)):
        return InputError
    return DatabaseAway if _may_pass(error) else DatabaseError


def describe(error: BaseException) -> str:
    """Describe in one line what went wrong and what to do."""
    cause = _driver_error(error)
    if cause is None:
        return f"the database: {_first_line(error.__cause__ or error)}"
    if cause.pgcode == UNDEFINED_TABLE:
        return NO_TABLES
    reason = _first_line(cause)
    advice = _advice(reason)
    return f"the database: {reason}: {advice}" if advice else f"the database: {reason}"


def _may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed a little later."""
    cause = _driver_error(error)
    if cause is None:
        return any(isinstance(one, OF_CONNECTION) for one in (error, error.__cause__))
    if cause.pgcode is not None:
        return cause.pgcode.startswith(PASSING)
    is_of_connection = isinstance(cause, psycopg2.OperationalError | psycopg2.InterfaceError)
    return is_of_connection and not re.search(REFUSED, _first_line(cause))


def _driver_error(error: BaseException | None) -> psycopg2.Error | None:
    """Unwrap the driver's own error from those of SQLAlchemy and Optuna."""
    while error is not None and not isinstance(error, psycopg2.Error):
        error = getattr(error, "orig", None) or error.__cause__
    return error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join(lines[0].split()).removesuffix(".")


def _advice(reason: str) -> str:
    return next((advice for said, advice in ADVICE.items() if re.search(said, reason)), "")
