"""Times: the database's clock, in Optuna's form."""

from datetime import datetime

from sqlalchemy import Connection, text


def now_of(connection: Connection) -> datetime:
    """Return the database's time as Optuna gives times: local, without a zone."""
    return as_optuna(connection.execute(text("SELECT statement_timestamp()")).scalar_one())


def as_optuna(time: datetime) -> datetime:
    """Return a time as Optuna gives times: local, without a zone."""
    return time.astimezone().replace(tzinfo=None)
