"""A stored study and what is stored with it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, text

from hpo.definition import Definition, parse
from hpo.errors import DefinitionError, StudyError
from hpo.models import resolve
from hpo.pretraining import Weights
from hpo.search_space import SearchSpace, build
from hpo.storage.database import Database
from hpo.storage.failures import database_errors
from hpo.storage.keys import DEFINITION, ORIGIN
from hpo.study.ladder import Ladder, ladder_of
from hpo.training.task import Task

ATTRS = text("SELECT key, value_json FROM study_user_attributes WHERE study_id = :study_id")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a study was created from, besides its definition."""

    folder: Path  # where relative paths in the definition start
    fingerprint: str  # of the rows
    label_column: int  # from 0; -1 is the last
    task: Task
    steps: tuple[int, ...]  # that a trial can report; stored for machines without the model
    weights: Weights | None = None  # pretrained
    points: int | None = None  # of the grid, if the sampler is "grid"; stored likewise
    modules: tuple[str, ...] = ()  # of other packages, that an own model's training code imports


STORED_ORIGIN = TypeAdapter(Origin)


@dataclass(frozen=True, kw_only=True)
class StoredStudy:
    """A study with its definition and origin, as they were when it was loaded."""

    database: Database
    study: optuna.Study
    definition: Definition
    origin: Origin

    @property
    def study_id(self) -> int:
        """Its key in the database, and in the addresses of the dashboard's pages."""
        return self.study._study_id  # noqa: SLF001 - by its name, it takes a query

    @cached_property
    def ladder(self) -> Ladder:
        """The steps and rungs of its trials."""
        return ladder_of(self.definition.pruner, self.origin.steps)


def load_study(database: Database, name: str) -> StoredStudy:
    """Load a study by its name.

    Raises:
        StudyError: there is none of that name, or hpo did not create it.
        DefinitionError: another version of hpo created it.
    """
    study = find(database, name)
    attrs = study.user_attrs
    return StoredStudy(
        database=database,
        study=study,
        definition=definition_in(attrs, name),
        origin=_origin(attrs, name),
    )


def definition_in(attrs: Mapping[str, Any], name: str) -> Definition:
    """Parse the definition in a study's user attributes.

    Raises:
        DefinitionError: another version of hpo created it.
    """
    return parse(attrs[DEFINITION], f'study "{name}"')


def find(database: Database, name: str) -> optuna.Study:
    """Load Optuna's study by its name, without parsing its definition.

    Raises:
        StudyError: there is none of that name, or hpo did not create it.
    """
    try:
        study = optuna.load_study(study_name=name, storage=database.storage)
    except KeyError:
        known = ", ".join(study_names(database)) or "none yet"
        raise StudyError(f'there is no study "{name}"; the database has: {known}') from None
    if DEFINITION not in study.user_attrs:
        raise StudyError(f'the study "{name}" was not created by hpo; it has no definition')
    return study


def study_names(database: Database) -> list[str]:
    """Return the names of the stored studies, oldest first."""
    studies = database.storage.get_all_studies()  # Optuna's summaries read every trial, too
    return [study.study_name for study in studies if DEFINITION in study.user_attrs]


def trials_of(stored: StoredStudy) -> list[FrozenTrial]:
    """Read a study's trials in the order of their numbers; they must not be changed.

    Raises:
        StudyError: somebody has deleted it.
    """
    with _unless_deleted(stored):
        return stored.study.get_trials(deepcopy=False)


def trial_of(stored: StoredStudy, trial_id: int) -> FrozenTrial:
    """Read one of a study's trials.

    Raises:
        StudyError: somebody has deleted the study.
    """
    with _unless_deleted(stored):
        return stored.database.storage.get_trial(trial_id)


def attrs_of(stored: StoredStudy) -> dict[str, Any]:
    """Read a study's user attributes.

    Raises:
        StudyError: somebody has deleted it.
    """
    with _unless_deleted(stored):
        return stored.study.user_attrs


def attrs_at(connection: Connection, stored: StoredStudy) -> dict[str, Any]:
    """Read a study's user attributes over a connection that is open.

    Raises:
        StudyError: somebody has deleted it.
    """
    rows = connection.execute(ATTRS, {"study_id": stored.study_id})
    attrs = {key: json.loads(value) for key, value in rows}
    with _unless_deleted(stored):
        attrs[DEFINITION]  # raises KeyError if the study is gone
    return attrs


@contextmanager
def _unless_deleted(stored: StoredStudy) -> Iterator[None]:
    try:
        with database_errors():
            yield
    except KeyError:
        name = stored.definition.name
        raise StudyError(f'the study "{name}" is gone: somebody has deleted it') from None


def space_of(definition: Definition) -> SearchSpace[Any]:
    """Build the search space of a study.

    Raises:
        DefinitionError: its model can't be imported here, or its parameters have changed.
    """
    source = f'study "{definition.name}"'
    model = resolve(definition.model, source)
    space: SearchSpace[Any] = build(definition, model.Params, model.parameters, source)
    return space


def _origin(attrs: Mapping[str, Any], name: str) -> Origin:
    try:
        return STORED_ORIGIN.validate_python(attrs.get(ORIGIN))
    except ValidationError as error:
        raise DefinitionError(f'study "{name}"', "", "another version of hpo created it") from error
