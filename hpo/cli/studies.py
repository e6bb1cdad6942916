"""From a definition file, or a stored study, to what trials need."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from hpo.data import Dataset, load
from hpo.definition import Definition
from hpo.definition import load as load_definition
from hpo.device import library_loading
from hpo.errors import DataError, InputError, StudyError
from hpo.models import BUILT_IN, Model
from hpo.objective import Objective, build_objective
from hpo.pretraining import Weights, demand_others, pretrain, sha256_of
from hpo.storage.database import Database
from hpo.study import Origin, StoredStudy, create

DATA_VARIABLE = "HPO_DATA"
Say = Callable[[str], object]


def create_study(database: Database, path: Path) -> StoredStudy:
    """Check a definition file and its data, and store the study unless it is there."""
    definition = load_definition(path)
    folder = path.parent.absolute()
    dataset = _rows(definition, folder)
    objective = build_objective(definition, dataset, str(path))
    say = partial(click.echo, err=True)
    if definition.model not in BUILT_IN:
        _foretell_export(definition, objective, say)
    origin = Origin(
        folder=folder,
        fingerprint=dataset.fingerprint,
        label_column=-1 if dataset.label_column is None else dataset.label_column,
        task=objective.task,
        weights=_weights(definition, objective, folder, say),
        steps=objective.steps,
    )
    try:
        return create(database, definition, origin, say)
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from error


def _foretell_export(definition: Definition, objective: Objective, say: Say) -> None:
    """Say before the search what `hpo export` would say only after it."""
    from hpo.export import obstacle

    problem = obstacle(definition, objective.model, objective.task)
    if problem:
        say(f"hpo export will refuse this model: {problem}")


def _weights(
    definition: Definition, objective: Objective, folder: Path, say: Say
) -> Weights | None:
    """Give the weights that the trials begin with; they are made unless they are there."""
    table = definition.pretraining
    if table is None:
        return None
    rows = _read(definition, _place(table.train, folder))
    sources = _place(table.sources, folder) if table.sources else None
    import_code(objective.model)
    demand_others(rows, objective.X)
    weights = pretrain(definition, objective.model, objective.task, rows, sources, say)
    say(f"pretrained on {weights.rows:,} rows: {weights.guard}")
    return weights


def import_code(model: Model) -> None:
    """Import what trains, which is noisy, before it is needed."""
    try:
        with library_loading():
            model.code  # noqa: B018 - imports it
    except Exception as error:  # a user's module may raise anything; Keras, for KERAS_BACKEND
        raise InputError(f"{model.training} can't be imported: {error}") from error


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
    objective = build_objective(stored.definition, dataset, f'study "{stored.definition.name}"')
    weights = weights_of(stored)
    if weights is None:
        return objective
    return replace(objective, task=replace(objective.task, weights=str(weights)))


def weights_of(stored: StoredStudy) -> Path | None:
    """Give this machine's copy of the weights that trials begin with."""
    weights = stored.origin.weights
    if weights is None:
        return None
    file = _place(weights.file, stored.origin.folder)
    if sha256_of(file) != weights.sha256:
        raise DataError(str(file), "holds other weights than those the study was created with")
    return file


def _rows(definition: Definition, folder: Path) -> Dataset:
    # A stratified hold-out needs two rows of a class.
    folds = definition.evaluation.folds or 2
    return _read(definition, _place(definition.data.train, folder), folds)


def _read(definition: Definition, file: Path, folds: int | None = None) -> Dataset:
    data = definition.data
    return load(
        file,
        label=data.label,
        shape=data.shape,
        transposed=data.transposed,
        value_range=data.range,
        folds=folds,
    )


def _place(path: str, folder: Path) -> Path:
    """Give the file that a path in a definition means on this machine."""
    return Path(os.path.normpath(Path(os.environ.get(DATA_VARIABLE) or folder) / path))
