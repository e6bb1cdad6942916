"""The dashboard as one WSGI application."""

from typing import TYPE_CHECKING

import optuna_dashboard
from sqlalchemy import text

from hpo.artifacts import Artifacts
from hpo.artifacts.dashboard import OptunaStore
from hpo.dashboard.access import Access
from hpo.dashboard.additions import Additions
from hpo.dashboard.gate import Gate, Health
from hpo.errors import DatabaseError
from hpo.storage.database import Database
from hpo.storage.failures import database_errors

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def application(
    database: Database, artifacts: Artifacts, access: Access, host: str
) -> "WSGIApplication":
    """Put the dashboard of a database behind its gate."""
    pages = optuna_dashboard.wsgi(database.storage, artifact_store=OptunaStore(artifacts))
    pages.install(Additions(database, artifacts))
    health = Health(lambda: _answers(database))
    return Gate(application=pages, access=access, is_healthy=health, host=host)


def _answers(database: Database) -> bool:
    try:
        with database_errors(), database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DatabaseError:
        return False
    return True
