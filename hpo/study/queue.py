"""Queueing trials with given values, which workers take before new ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection

from hpo.definition import Choice, Given, in_toml
from hpo.errors import DefinitionError, StudyError
from hpo.search_space import check_values
from hpo.storage.database import Database, study_lock
from hpo.storage.keys import GIVEN
from hpo.storage.numbering import number_exclusively
from hpo.storage.queueing import NewTrial, queue
from hpo.study.budget import Account, account_of, spelled
from hpo.study.stored import StoredStudy, load_study, space_of, trials_of

REMEDY = "raise it in the study's file and run `hpo create` on that"

Values = dict[str, Choice]


@dataclass(frozen=True, kw_only=True)
class Queued:
    """A queued trial."""

    number: int
    values: Values
    is_new: bool  # False: a trial with these values was there already


def enqueue(database: Database, name: str, given: Sequence[Given]) -> list[Queued]:
    """Queue trials in a study: all of them or, if one is invalid or finds no room, none.

    A trial that was queued or tried with the same values is not queued again, unless it failed.

    Raises:
        StudyError: there is no such study, or its budget has no room for them.
        DefinitionError: a trial of this study can't have one of the values.
    """
    stored = load_study(database, name)
    wanted = _fitting(stored, given)
    with study_lock(database, name) as connection:
        number_exclusively(connection, stored.study_id)
        trials = trials_of(stored)
        queued = _numbered(wanted, trials)
        new = [one.values for one in queued if one.is_new]
        _require_room(stored, connection, len(new))
        queue(connection, stored.study_id, [NewTrial(values=values) for values in new])
    return queued


def _fitting(stored: StoredStudy, given: Iterable[Given]) -> list[Values]:
    """Return the values in their declared types.

    Raises:
        DefinitionError: one of them is not in the study's space.
    """
    space = space_of(stored.definition)
    wanted = []
    for one in given:
        found = check_values(space, one.values)
        for name, problem in found.problems.items():
            key = f"{name} = {in_toml(one.values[name])}"
            raise DefinitionError(one.source, key, problem)
        wanted.append(found.values)
    return wanted


def _numbered(wanted: Iterable[Values], trials: Sequence[FrozenTrial]) -> list[Queued]:
    """Assign each the number of the trial that has its values, or else the next free number."""
    known = [
        (values, trial.number)
        for trial in trials
        if trial.state is not TrialState.FAIL
        for values in (trial.system_attrs.get(GIVEN), trial.params)
    ]
    queued, following = [], len(trials)
    for values in wanted:
        number = next((number for others, number in known if others == values), following)
        queued.append(Queued(number=number, values=values, is_new=number == following))
        if number == following:
            known.append((values, number))
            following += 1
    return queued


def _require_room(stored: StoredStudy, connection: Connection, count: int) -> None:
    if not count:
        return
    account = account_of(stored, connection)
    most = account.budget.trials
    if account.is_spent:
        raise spent(stored, account)
    promised = account.places_promised
    if most is not None and promised + count > most:
        room = max(0, most - promised)
        raise StudyError(
            f"{_named(stored, account)}, has room for {room} more, "
            f"not for {count}: nothing was queued; {REMEDY}"
        )


def spent(stored: StoredStudy, account: Account) -> StudyError:
    """Return the error to raise where a queued trial would never begin."""
    return StudyError(f"{_named(stored, account)}, is spent: {REMEDY}")


def _named(stored: StoredStudy, account: Account) -> str:
    return f'the budget of the study "{stored.definition.name}", {spelled(account.budget)}'
