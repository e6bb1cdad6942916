"""Creating a study in the database."""

import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning

from hpo.definition import Definition, in_toml
from hpo.errors import StudyError
from hpo.pretraining import Weights
from hpo.search_space import Grid
from hpo.storage.database import Database, study_lock
from hpo.storage.failures import database_errors
from hpo.storage.keys import DEFINITION, ORIGIN, WARM_START
from hpo.storage.queueing import NewTrial, queue
from hpo.study.budget import spelled
from hpo.study.stored import Origin, StoredStudy, load_study, space_of, study_names
from hpo.study.trials import is_queued
from hpo.study.warm_start import Beginning, warm_start

log = logging.getLogger(__name__)
Say = Callable[[str], object]


def create(
    database: Database, definition: Definition, origin: Origin, say: Say = log.info
) -> StoredStudy:
    """Store a study, or update the budget and the priority of the one that is there.

    The trials of a warm start are queued before anybody can work on a new study; `say` prints how
    many they are.

    Raises:
        StudyError: a study with another definition or other data has this name, the budget does not
            suit the model or the metric, or the study can't start from the one that it names.
    """
    _require_steps(definition, origin)
    _check_target(definition)
    if definition.sampler.name == "grid":
        origin = replace(origin, points=Grid(space_of(definition)).size)
    with study_lock(database, definition.name):
        if definition.name not in study_names(database):
            start = warm_start(database, definition)
            _store(database, definition, origin, start)
            if start:
                say(start.message)
        stored = load_study(database, definition.name)
        _refuse_changes(stored, definition, origin)
        if stored.definition.budget != definition.budget:
            before, after = spelled(stored.definition.budget), spelled(definition.budget)
            say(f"the budget of {definition.name} was {before}, and is {after}")
        _write(stored.study, definition, origin)  # the budget or the priority may be new
    return load_study(database, definition.name)


def _store(
    database: Database, definition: Definition, origin: Origin, start: Beginning | None
) -> None:
    _delete_half_made(database, definition.name)
    study = optuna.create_study(
        study_name=definition.name,
        storage=database.storage,
        direction=definition.direction,
        load_if_exists=True,  # left by a process that died before it stored the definition
    )
    directions = [direction.name.lower() for direction in study.directions]
    if study.get_trials(deepcopy=False) or directions != [definition.direction]:
        raise StudyError(f'there is a study "{definition.name}" that hpo did not create')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([definition.evaluation.metric])  # for the dashboard's axes
    if start:
        new = [NewTrial(values=s.values, user_attrs={WARM_START: s.trial}) for s in start.starts]
        with database_errors(), database.engine.begin() as connection:
            queue(connection, study._study_id, new)  # noqa: SLF001 - by its name, it takes a query
    _write(study, definition, origin)


def _delete_half_made(database: Database, name: str) -> None:
    """Delete what a process left that died while queueing trials; none of them can have run."""
    try:
        study = optuna.load_study(study_name=name, storage=database.storage)
    except KeyError:
        return
    trials = study.get_trials(deepcopy=False)
    if trials and all(is_queued(t) and WARM_START in t.user_attrs for t in trials):
        optuna.delete_study(study_name=name, storage=database.storage)


def _write(study: optuna.Study, definition: Definition, origin: Origin) -> None:
    study.set_user_attr(ORIGIN, {**asdict(origin), "folder": str(origin.folder)})
    study.set_user_attr(DEFINITION, definition.model_dump(mode="json"))  # last: now it is complete


def _refuse_changes(stored: StoredStudy, definition: Definition, origin: Origin) -> None:
    name = definition.name
    remedy = "give the file another name = ..., or restore it"
    new_rows, old_rows = origin.fingerprint, stored.origin.fingerprint
    if new_rows != old_rows:
        raise StudyError(
            f'data.train: these rows differ from those of the stored study "{name}" '
            f"(sha256 {new_rows[:12]}, stored {old_rows[:12]}); {remedy}"
        )
    if _hash(origin.weights) != _hash(stored.origin.weights):
        raise StudyError(
            f'pretraining: these weights differ from those of the stored study "{name}"; {remedy}'
        )
    for key, new, old in _differences(_identity(definition), _identity(stored.definition)):
        raise StudyError(
            f'{key}: {in_toml(new)} differs from {in_toml(old)} in the stored study "{name}"; '
            f"{remedy}"
        )


def _identity(definition: Definition) -> dict[str, Any]:
    """Return the parts of a definition that can't change: all but budget, priority and paths."""
    return definition.model_dump(
        mode="json",
        exclude={
            "budget": True,
            "priority": True,
            "data": {"train"},
            "pretraining": {"train", "sources"},
        },
    )


def _require_steps(definition: Definition, origin: Origin) -> None:
    steps, needed = definition.budget.steps, len(origin.steps)
    if steps is not None and steps < needed:
        raise StudyError(
            f"budget.steps: {steps} steps are too few for a trial to climb all of its {needed}: "
            f"write at least {needed}"
        )


def _check_target(definition: Definition) -> None:
    target, metric = definition.budget.target, definition.evaluation.metric
    if target is not None and not 0 <= target <= 1:
        raise StudyError(
            f"budget.target: {target:g} is no value of {metric}, which lies between 0 and 1"
        )


def _hash(weights: Weights | None) -> str | None:
    return weights.sha256 if weights else None


def _differences(new: Any, old: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if not (isinstance(new, dict) and isinstance(old, dict)):
        if new != old:
            yield path, new, old
        return
    for key in [*new, *(key for key in old if key not in new)]:
        below = f"{path}.{key}" if path else key
        yield from _differences(new.get(key), old.get(key), below)
