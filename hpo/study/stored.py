"""A study as it is stored: its definition goes in once."""

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial

from hpo.definition import Definition, in_toml, parse
from hpo.errors import StudyError
from hpo.storage.database import Database, study_lock
from hpo.training.task import Task

DEFINITION = "hpo:definition"
ORIGIN = "hpo:origin"

# What is kept with a trial.
SEED = "seed"
ENVIRONMENT = "environment"
ERROR = "error"  # what happened, where it failed


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a study was created for, beside its definition."""

    folder: Path  # where relative paths in the definition start
    fingerprint: str  # of the rows
    label_column: int  # from 0; -1 is the last
    task: Task


@dataclass(frozen=True, kw_only=True)
class StoredStudy:
    """A study and what was stored with it."""

    study: optuna.Study
    definition: Definition
    origin: Origin


def create(database: Database, definition: Definition, origin: Origin) -> StoredStudy:
    """Store a study unless it is there; only its budget may differ from what is.

    Raises:
        StudyError: another definition or other data was stored under this name.
    """
    with study_lock(database, definition.name):
        if definition.name not in names(database):
            _store(database, definition, origin)
        stored = load(database, definition.name)
        _refuse_changes(stored, definition, origin)
        _write(stored.study, definition, origin)  # the budget and the data's place may be new
    return load(database, definition.name)


def load(database: Database, name: str) -> StoredStudy:
    """Give a stored study by its name.

    Raises:
        StudyError: there is none of that name, or hpo did not create it.
    """
    try:
        study = optuna.load_study(study_name=name, storage=database.storage)
    except KeyError:
        known = ", ".join(names(database)) or "none yet"
        raise StudyError(f'there is no study "{name}"; stored are: {known}') from None
    attrs = study.user_attrs
    if DEFINITION not in attrs:
        raise StudyError(f'the study "{name}" was not created by hpo; it has no definition')
    return StoredStudy(
        study=study,
        definition=parse(attrs[DEFINITION], f'study "{name}"'),
        origin=_origin(attrs[ORIGIN]),
    )


def names(database: Database) -> list[str]:
    """Give the names of the stored studies, in the order of their creation."""
    summaries = optuna.get_all_study_summaries(database.storage, include_best_trial=False)
    return [s.study_name for s in summaries if DEFINITION in s.user_attrs]


def trials_of(stored: StoredStudy) -> list[FrozenTrial]:
    """Give a study's trials in the order of their numbers, read anew; they must not be changed.

    Raises:
        StudyError: somebody has deleted it.
    """
    try:
        return stored.study.get_trials(deepcopy=False)
    except KeyError:
        name = stored.definition.name
        raise StudyError(f'the study "{name}" is gone: somebody has deleted it') from None


def _origin(stored: dict[str, Any]) -> Origin:
    shape, classes = stored["task"]["shape"], stored["task"]["classes"]
    task = Task(**{**stored["task"], "shape": tuple(shape), "classes": tuple(classes)})
    return Origin(**{**stored, "folder": Path(stored["folder"]), "task": task})


def _store(database: Database, definition: Definition, origin: Origin) -> None:
    study = optuna.create_study(
        study_name=definition.name,
        storage=database.storage,
        direction=definition.better,
        load_if_exists=True,  # of a process that died before it stored the definition
    )
    ours = [direction.name.lower() for direction in study.directions] == [definition.better]
    if study.get_trials(deepcopy=False) or not ours:
        raise StudyError(f'a study "{definition.name}" is there that hpo did not create')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([definition.evaluation.metric])  # for the dashboard's axes
    _write(study, definition, origin)


def _write(study: optuna.Study, definition: Definition, origin: Origin) -> None:
    study.set_user_attr(ORIGIN, {**asdict(origin), "folder": str(origin.folder)})
    study.set_user_attr(DEFINITION, definition.model_dump(mode="json"))  # last: it says complete


def _refuse_changes(stored: StoredStudy, definition: Definition, origin: Origin) -> None:
    name = definition.name
    remedy = "give the file another name = ..., or restore it"
    new_rows, old_rows = origin.fingerprint, stored.origin.fingerprint
    if new_rows != old_rows:
        raise StudyError(
            f'data.train: these rows differ from those of the stored study "{name}" '
            f"(sha256 {new_rows[:12]}, stored {old_rows[:12]}); {remedy}"
        )
    for key, new, old in _differences(_identity(definition), _identity(stored.definition)):
        raise StudyError(
            f'{key}: {in_toml(new)} differs from {in_toml(old)} in the stored study "{name}"; '
            f"{remedy}"
        )


def _identity(definition: Definition) -> dict[str, Any]:
    """Give what makes a study the same: all but its budget and where its data lies.

    The direction follows from the metric, whether it is written or not.
    """
    return definition.model_dump(
        mode="json", exclude={"budget": True, "direction": True, "data": {"train"}}
    )


def _differences(new: Any, old: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if not (isinstance(new, dict) and isinstance(old, dict)):
        if new != old:
            yield path, new, old
        return
    for key in [*new, *(key for key in old if key not in new)]:
        below = f"{path}.{key}" if path else key
        yield from _differences(new.get(key), old.get(key), below)
