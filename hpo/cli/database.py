"""Opening the database for a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna

from hpo.storage.database import Database, create_tables, database_url, open_storage
from hpo.storage.failures import database_errors


@contextmanager
def open_database(command: str, *, create: bool = False) -> Iterator[Database]:
    """Open the database for a command, which with `create` creates missing tables first."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with database_url() as url:
        if create:
            create_tables(url)
        opened = open_storage(application_name=f"hpo-{command}", url=url)
        with opened as database, database_errors():
            yield database
