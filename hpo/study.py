"""A study in the database: its definition goes in once, its state comes out."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from hpo.definition import Budget, Definition, in_toml, parse
from hpo.errors import StudyError
from hpo.storage.database import Database, study_lock
from hpo.training.task import Task

DEFINITION = "hpo:definition"
ORIGIN = "hpo:origin"


# What is kept with a trial.
SEED = "seed"
ENVIRONMENT = "environment"
ERROR = "error"  # what happened, where it failed


class StudyState(StrEnum):
    """Where a study is."""

    NEW = "new"  # no trial yet
    RUNNING = "running"  # a worker has a trial
    INTERRUPTED = "interrupted"  # the budget is not spent, and no worker has a trial
    FINISHED = "finished"  # the budget is spent, and every trial has ended


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


@dataclass(frozen=True, kw_only=True)
class Status:
    """A study at one moment."""

    name: str
    direction: str
    state: StudyState
    budget: Budget
    counts: dict[str, int]  # of trials, by state in lower case
    steps: int  # reported by all trials together
    worked: timedelta  # time in which at least one trial ran
    left: timedelta | None  # a guess from the pace so far; None before the first trial has ended
    best: FrozenTrial | None
    error: str | None  # the last line of what went wrong in the newest failed trial


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


def open_names(database: Database) -> list[str]:
    """Give the names of the studies that still want trials."""
    stored = (load(database, name) for name in names(database))
    return [s.definition.name for s in stored if status(s).state is not StudyState.FINISHED]


def status(stored: StoredStudy) -> Status:
    """Give the study's state, read anew from the database.

    Raises:
        StudyError: somebody has deleted it.
    """
    trials = trials_of(stored)
    budget = budget_of(stored)
    return Status(
        name=stored.study.study_name,
        direction=stored.definition.better,
        state=_state(budget, trials),
        budget=budget,
        counts=_counts(trials),
        steps=_steps(trials),
        worked=_worked(trials),
        left=_left(budget, trials),
        best=best_trial(stored),
        error=_last_error(trials),
    )


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


def budget_of(stored: StoredStudy) -> Budget:
    """Give a study's budget, read anew: it may have been changed since the study was loaded."""
    content = stored.study.user_attrs[DEFINITION]
    return parse(content, f'study "{stored.definition.name}"').budget


def best_trial(stored: StoredStudy) -> FrozenTrial | None:
    """Give the best trial that has climbed all the way, the first of equals; None before that."""
    complete = stored.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    best = max if stored.definition.better == "maximize" else min
    return best(complete, key=lambda trial: trial.value or 0.0, default=None)


def is_spent(budget: Budget, trials: Sequence[FrozenTrial]) -> bool:
    """Whether the budget lets no further trial begin; those that have begun may end."""
    return (
        (budget.trials is not None and len(trials) >= budget.trials)
        or (budget.steps is not None and _steps(trials) >= budget.steps)
        or (budget.wall_time is not None and _worked(trials) >= budget.wall_time)
    )


def is_finished(budget: Budget, trials: Sequence[FrozenTrial]) -> bool:
    """Whether the budget is spent and every trial has ended."""
    return is_spent(budget, trials) and all(trial.state.is_finished() for trial in trials)


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


def _state(budget: Budget, trials: Sequence[FrozenTrial]) -> StudyState:
    if any(trial.state is TrialState.RUNNING for trial in trials):
        return StudyState.RUNNING
    if is_finished(budget, trials):
        return StudyState.FINISHED
    return StudyState.INTERRUPTED if trials else StudyState.NEW


def _counts(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    found = Counter(trial.state for trial in trials)
    return {state.name.lower(): found[state] for state in TrialState}


def _steps(trials: Sequence[FrozenTrial]) -> int:
    return sum(len(trial.intermediate_values) for trial in trials)


def _worked(trials: Sequence[FrozenTrial]) -> timedelta:
    """Add up the time in which at least one trial ran, however many ran at once."""
    now = datetime.now()  # Optuna gives naive local times
    runs = sorted(
        (trial.datetime_start, trial.datetime_complete or now)
        for trial in trials
        if trial.datetime_start and trial.state is not TrialState.WAITING
    )
    total, covered = timedelta(0), datetime.min
    for start, end in runs:
        total += max(timedelta(0), end - max(start, covered))
        covered = max(covered, end)
    return total


def _last_error(trials: Sequence[FrozenTrial]) -> str | None:
    errors = [str(t.user_attrs[ERROR]).strip() for t in trials if ERROR in t.user_attrs]
    return errors[-1].splitlines()[-1] if errors else None


def _left(budget: Budget, trials: Sequence[FrozenTrial]) -> timedelta | None:
    ended = sum(trial.state.is_finished() for trial in trials)
    if not ended:
        return None
    worked = _worked(trials)
    guesses = [
        *([worked * (budget.trials / ended - 1)] if budget.trials else []),
        *([worked * (budget.steps / max(1, _steps(trials)) - 1)] if budget.steps else []),
        *([budget.wall_time - worked] if budget.wall_time else []),
    ]
    return max(min(guesses), timedelta())
