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

SHOWN = 5  # left-out values that the message names


@dataclass(frozen=True, kw_only=True)
class Start:
    """The values that one trial takes from another study."""

    values: dict[str, Choice]
    trial: str  # the trial that had them, in words


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The trials that a study starts with."""

    starts: tuple[Start, ...]  # the best first, without duplicates
    message: str


def warm_start(database: Database, definition: Definition) -> Beginning | None:
    """Return the trials that a new study starts with; None if it has no warm start.

    Raises:
        StudyError: the other study is missing, has no complete trial or does not suit this one.
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
    """Describe the values that no trial starts with, and the trials that had them."""
    if not dropped:
        return ""
    shown = [
        f"{value} of trial{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
        for value, numbers in islice(dropped.items(), SHOWN)
    ]
    more = [f"{len(dropped) - SHOWN} more values"] if len(dropped) > SHOWN else []
    return f"; left out, since this space does not have them: {'; '.join([*shown, *more])}"


def _require_compatible(theirs: Definition, ours: Definition) -> None:
    """Refuse another model or direction; other data, folds or metrics may be intended."""
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
    """Take from each trial the values that this space has, too, searched there or fixed.

    Also returns the values outside this space of parameters that it searches, each with the numbers
    of the trials that had it.
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
    """Return the parameters that have a meaning, given a value of each."""
    meant: dict[str, Choice] = {}
    for name, parameter in space.parameters.items():
        if parameter.has_meaning(meant):
            meant[name] = given[name]
    return [*meant]
