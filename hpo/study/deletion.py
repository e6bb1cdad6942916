"""Deleting a study with all that belongs to it."""

from hpo.artifacts import Artifacts
from hpo.artifacts.dashboard import LISTED, uploads_in
from hpo.storage.database import Database, study_lock
from hpo.storage.deletion import delete_study, values_named
from hpo.study.stored import find


def delete(database: Database, name: str, artifacts: Artifacts) -> None:
    """Delete a study, its trials, and then their files, also those that people uploaded.

    Raises:
        StudyError: there is no such study.
        ArtifactError: the study is deleted, but its files could not be.
    """
    study_id = find(database, name)._study_id  # noqa: SLF001 - by its name, it takes a query
    with study_lock(database, name) as connection:
        uploads = uploads_in(values_named(connection, study_id, LISTED))
        delete_study(connection, study_id)
    artifacts.forget_study(name)
    for upload in uploads:
        artifacts.remove(upload)
