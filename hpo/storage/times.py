"""The database's clock, in Optuna's form."""

from datetime import datetime

from sqlalchemy import Connection, text


def now_of(connection: Connection) -> datetime:
    """Read the database's time, as Optuna has times: local, without a zone."""
    return as_optuna(connection.execute(text("SELECT statement_timestamp()")).scalar_one())


def as_optuna(time: datetime) -> datetime:
    """Convert an aware time to Optuna's form: local, without a zone."""
    return time.astimezone().replace(tzinfo=None)
