"""The dashboard as one WSGI application."""

import logging
import threading
from typing import TYPE_CHECKING

import optuna_dashboard
from sqlalchemy import text

from hpo.artifacts import Artifacts
from hpo.artifacts.dashboard import OptunaStore
from hpo.dashboard.access import Access
from hpo.dashboard.additions import Additions
from hpo.dashboard.gate import Gate, Health
from hpo.errors import DatabaseError, HpoError
from hpo.storage.database import Database
from hpo.storage.failures import database_errors
from hpo.study import load_study, study_names, trials_of

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

log = logging.getLogger(__name__)


def application(
    database: Database, artifacts: Artifacts, access: Access, host: str
) -> "WSGIApplication":
    """Build the dashboard of a database, with hpo's additions and behind the gate."""
    pages = optuna_dashboard.wsgi(database.storage, artifact_store=OptunaStore(artifacts))
    pages.install(Additions(database, artifacts))
    health = Health(lambda: _answers(database))
    return Gate(application=pages, access=access, is_healthy=health, host=host)


def read_ahead(database: Database, study: str | None) -> None:
    """Read a study's trials, or the newest study's, into the cache in the background."""

    def read() -> None:
        try:
            with database_errors():
                name = study or next(reversed(study_names(database)), None)
                if name is not None:
                    trials_of(load_study(database, name))
        except HpoError as error:  # the page will report it
            log.warning("%s", error)

    threading.Thread(target=read, daemon=True).start()


def _answers(database: Database) -> bool:
    try:
        with database_errors(), database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DatabaseError:
        return False
    return True
