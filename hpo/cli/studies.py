"""Creating a study from a definition file."""

from functools import partial
from pathlib import Path

import click

from hpo.errors import HpoError
from hpo.models import BUILT_IN
from hpo.opening import Draft, read_draft, store
from hpo.storage.database import Database
from hpo.study import StoredStudy


def create_study(database: Database, path: Path) -> StoredStudy:
    """Check a definition file and its data, and store the study unless it is there."""
    draft = read_draft(path)
    modules = () if draft.definition.model in BUILT_IN else _modules_of_own(draft)
    return store(database, draft, partial(click.echo, err=True), modules)


def _modules_of_own(draft: Draft) -> tuple[str, ...]:
    """Return the modules that an own model imports; say so if `hpo export` will refuse it."""
    from hpo.export import modules_of

    try:
        return modules_of(draft.definition, draft.objective.model, draft.objective.task)
    except HpoError as error:
        click.echo(f"hpo export will refuse this model: {error}", err=True)
        return ()
