"""Building the objective of a definition file or of a stored study on this machine."""

import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from hpo.data import Dataset, load_dataset, sha256_of
from hpo.definition import Definition, load_definition
from hpo.device import muted_stderr
from hpo.errors import DataError, InputError, StudyError
from hpo.models import Model
from hpo.objective import Objective, build_objective
from hpo.pretraining import Say, Weights, pretrain, refuse_shared_rows
from hpo.storage.database import Database
from hpo.study import Origin, StoredStudy, create

DATA_VARIABLE = "HPO_DATA"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A definition file and its data, checked against each other; not a stored study yet."""

    path: Path
    definition: Definition
    dataset: Dataset
    objective: Objective

    @property
    def folder(self) -> Path:
        """Where relative paths in the definition start."""
        return self.path.parent.absolute()


def read_draft(path: Path) -> Draft:
    """Check a definition file and its data.

    Raises:
        InputError: one can't be read, or they don't suit each other.
    """
    definition = load_definition(path)
    dataset = _rows(definition, path.parent.absolute())
    objective = build_objective(definition, dataset, str(path))
    return Draft(path=path, definition=definition, dataset=dataset, objective=objective)


def store(
    database: Database, draft: Draft, say: Say = log.info, modules: tuple[str, ...] = ()
) -> StoredStudy:
    """Store the study unless it is there, after its pretraining; `say` prints what is done.

    `modules` are those of other packages that an own model's training code imports.

    Raises:
        InputError: its pretraining can't be done.
        StudyError: another one is stored under its name.
    """
    dataset, objective = draft.dataset, draft.objective
    origin = Origin(
        folder=draft.folder,
        fingerprint=dataset.fingerprint,
        label_column=-1 if dataset.label_column is None else dataset.label_column,
        task=objective.task,
        weights=_weights(draft, say),
        steps=objective.steps,
        modules=modules,
    )
    try:
        return create(database, draft.definition, origin, say)
    except StudyError as error:
        raise StudyError(f"{draft.path}: {error}") from error


def _weights(draft: Draft, say: Say) -> Weights | None:
    """Return the pretrained weights that the trials start from, training them unless they exist."""
    definition, objective = draft.definition, draft.objective
    table = definition.pretraining
    if table is None:
        return None
    rows = _read(definition, _place(table.train, draft.folder))
    sources = _place(table.sources, draft.folder) if table.sources else None
    import_code(objective.model)
    refuse_shared_rows(rows, objective.X)
    weights = pretrain(definition, objective.model, objective.task, rows, sources, say)
    say(f"pretrained on {weights.rows:,} rows: {weights.guard}")
    return weights


def import_code(model: Model) -> None:
    """Import a model's training code early, without the output of the libraries that it loads.

    Raises:
        InputError: it can't be imported.
    """
    try:
        with muted_stderr():
            model.code  # noqa: B018 - imports it
            if "keras" in sys.modules:
                _load_tensorflow()
    except Exception as error:  # a user's module may raise anything; Keras, for KERAS_BACKEND
        raise InputError(f"{model.training} can't be imported: {error}") from error


def _load_tensorflow() -> None:
    """Load TensorFlow if it can be: to set seeds, Keras does so later, whatever it trains with."""
    with suppress(ImportError):
        import_module("tensorflow")


def objective_of(stored: StoredStudy) -> Objective:
    """Return the objective of a stored study on this machine's copy of its data.

    Raises:
        InputError: the data or the pretrained weights are missing or differ, or the model is not
            installed here.
    """
    _require_copy(stored, stored.definition.data.train)
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
    """Return this machine's copy of the pretrained weights; None where the study has none.

    Raises:
        DataError: the file is missing, or holds other weights.
    """
    weights = stored.origin.weights
    if weights is None:
        return None
    file = _require_copy(stored, weights.file)
    if sha256_of(file) != weights.sha256:
        raise DataError(str(file), "holds other weights than those the study was created with")
    return file


def _require_copy(stored: StoredStudy, path: str) -> Path:
    """Return the path of this machine's copy of a file of a study."""
    file = _place(path, stored.origin.folder)
    try:
        is_there = file.exists()
    except OSError as error:  # a folder on the way that this user may not enter
        raise DataError(str(file), f"can't be reached: {error.strerror}") from error
    if not is_there:
        raise DataError(
            str(file),
            f'is missing, and the study "{stored.definition.name}" needs it: bring it here, or '
            f"set {DATA_VARIABLE} to the folder that it is in",
        )
    return file


def _rows(definition: Definition, folder: Path) -> Dataset:
    # A stratified hold-out needs two rows of a class.
    folds = definition.evaluation.folds or 2
    return _read(definition, _place(definition.data.train, folder), folds)


def _read(definition: Definition, file: Path, folds: int | None = None) -> Dataset:
    data = definition.data
    return load_dataset(
        file,
        label=data.label,
        shape=data.shape,
        transposed=data.transposed,
        value_range=data.range,
        folds=folds,
    )


def _place(path: str, folder: Path) -> Path:
    """Resolve a path in a definition on this machine: relative to HPO_DATA, else to the folder."""
    return Path(os.path.normpath(Path(os.environ.get(DATA_VARIABLE) or folder) / path))
