"""Creating a study from a definition file."""

from functools import partial
from pathlib import Path

import click

from hpo.models import BUILT_IN
from hpo.opening import Draft, read_draft, store
from hpo.storage.database import Database
from hpo.study import StoredStudy


def create_study(database: Database, path: Path) -> StoredStudy:
    """Check a definition file and its data, and store the study unless it is there."""
    draft = read_draft(path)
    if draft.definition.model not in BUILT_IN:
        _warn_of_obstacle(draft)
    return store(database, draft, partial(click.echo, err=True))


def _warn_of_obstacle(draft: Draft) -> None:
    """Say before the search if `hpo export` will refuse the model after it."""
    from hpo.export import obstacle

    problem = obstacle(draft.definition, draft.objective.model, draft.objective.task)
    if problem:
        click.echo(f"hpo export will refuse this model: {problem}", err=True)
