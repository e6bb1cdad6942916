"""From a definition file, or a stored study, to what trials need."""

import os
from functools import partial
from pathlib import Path

import click

from hpo.data import Dataset, load
from hpo.definition import Definition
from hpo.definition import load as load_definition
from hpo.errors import DataError, StudyError
from hpo.objective import Objective, build_objective
from hpo.storage.database import Database
from hpo.study import Origin, StoredStudy, create

DATA_VARIABLE = "HPO_DATA"


def create_study(database: Database, path: Path) -> tuple[StoredStudy, Objective]:
    """Check a definition file and its data, and store the study unless it is there."""
    definition = load_definition(path)
    folder = path.parent.absolute()
    dataset = _rows(definition, folder)
    objective = build_objective(definition, dataset, str(path))
    try:
        origin = _origin(folder, dataset, objective)
        return create(database, definition, origin, partial(click.echo, err=True)), objective
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from error


def _origin(folder: Path, dataset: Dataset, objective: Objective) -> Origin:
    return Origin(
        folder=folder,
        fingerprint=dataset.fingerprint,
        label_column=-1 if dataset.label_column is None else dataset.label_column,
        task=objective.task,
    )


def objective_of(stored: StoredStudy) -> Objective:
    """Give the objective of a stored study, on this machine's copy of its data."""
    dataset = _rows(stored.definition, stored.origin.folder)
    if dataset.fingerprint != stored.origin.fingerprint:
        raise DataError(
            dataset.source,
            f'holds other rows than the study "{stored.definition.name}" was created for '
            f"(sha256 {dataset.fingerprint[:12]}, stored {stored.origin.fingerprint[:12]}): "
            f"bring the same file, or set {DATA_VARIABLE} to its folder",
        )
    return build_objective(stored.definition, dataset, f'study "{stored.definition.name}"')


def _rows(definition: Definition, folder: Path) -> Dataset:
    data = definition.data
    start = Path(os.environ.get(DATA_VARIABLE) or folder)
    return load(
        os.path.normpath(start / data.train),
        label=data.label,
        shape=data.shape,
        value_range=data.range,
        folds=definition.evaluation.folds or 2,  # a stratified hold-out needs two rows of a class
    )
