"""Starting a study from the best trials of another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from optuna.trial import FrozenTrial

from hpo.definition import Choice, Definition, WarmStart, in_toml
from hpo.errors import StudyError
from hpo.search_space import SearchSpace, check_values
from hpo.storage.database import Database
from hpo.study.state import best_trials
from hpo.study.stored import StoredStudy, load_study, space_of

TOLD = 5  # values that a start leaves out, by name


@dataclass(frozen=True, kw_only=True)
class Start:
    """What one trial takes from another study."""

    values: dict[str, Choice]
    trial: str  # whose values they were, in words


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What a study starts from."""

    starts: tuple[Start, ...]  # the best first, none twice
    message: str


def warm_start(database: Database, definition: Definition) -> Beginning | None:
    """Return what a new study starts from; None where its definition names no other study.

    Raises:
        StudyError: the other study is not there, has no complete trial or does not suit this one.
    """
    if definition.warm_start is None:
        return None
    try:
        return _start(database, definition, definition.warm_start)
    except StudyError as error:
        raise StudyError(f"warm_start.study: {error}") from error


def _start(database: Database, definition: Definition, wanted: WarmStart) -> Beginning:
    source = load_study(database, wanted.study)
    _require_compatible(source.definition, definition)
    best = best_trials(source)[: wanted.top]
    if not best:
        raise StudyError(f'"{wanted.study}" has no complete trial yet')
    starts, dropped = _starts(source, best, definition)
    if not starts:
        raise StudyError(f'no value of the best trials of "{wanted.study}" is in this space')
    few = f"; top = {wanted.top}, but no more are complete" if len(best) < wanted.top else ""
    message = f'warm start from "{wanted.study}": queued {len(starts)} of its best {len(best)}{few}'
    return Beginning(
        starts=starts, message=message + _beyond_budget(definition, starts) + _left_out(dropped)
    )


def _beyond_budget(definition: Definition, starts: Sequence[Start]) -> str:
    most = definition.budget.trials
    if most is None or len(starts) <= most:
        return ""
    return f"; the budget has room for {most} of them, the others wait until it is raised"


def _left_out(dropped: Mapping[str, Sequence[int]]) -> str:
    """Say which values no trial starts with, and whose they are."""
    if not dropped:
        return ""
    told = [
        f"{value} of trial{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
        for value, numbers in islice(dropped.items(), TOLD)
    ]
    more = [f"{len(dropped) - TOLD} more values"] if len(dropped) > TOLD else []
    return f"; left out, for this space does not have them: {'; '.join([*told, *more])}"


def _require_compatible(theirs: Definition, ours: Definition) -> None:
    """Refuse what could not be meant. Other data, folds and metrics may be what stages are for."""
    if theirs.model != ours.model:
        raise StudyError(f'"{theirs.name}" searches the model {theirs.model}, not {ours.model}')
    if theirs.direction != ours.direction:
        raise StudyError(
            f'"{theirs.name}" is to {theirs.direction} {theirs.evaluation.metric}, '
            f"this one to {ours.direction} {ours.evaluation.metric}"
        )


def _starts(
    source: StoredStudy, best: Iterable[FrozenTrial], definition: Definition
) -> tuple[tuple[Start, ...], dict[str, list[int]]]:
    """Take from each trial what this space has too; what was fixed there may be searched here.

    Of the values that this study searches but can't have, the numbers of the trials come along.
    """
    theirs, ours = space_of(source.definition), space_of(definition)
    starts: list[Start] = []
    dropped: dict[str, list[int]] = {}
    for trial in best:
        given = asdict(theirs.suggest(trial))
        found = check_values(ours, given)
        if found.values and all(start.values != found.values for start in starts):
            starts.append(
                Start(
                    values=found.values, trial=f"trial {trial.number} of {source.definition.name}"
                )
            )
        for name in _meant(theirs, given):
            if name in found.problems and name in ours.searched:
                dropped.setdefault(f"{name} = {in_toml(given[name])}", []).append(trial.number)
    return tuple(starts), dropped


def _meant(space: SearchSpace[Any], given: Mapping[str, Choice]) -> list[str]:
    """Return the parameters that have a meaning where all have values."""
    meant: dict[str, Choice] = {}
    for name, parameter in space.parameters.items():
        if parameter.has_meaning(meant):
            meant[name] = given[name]
    return [*meant]
