"""The study as anyone sees it who opens Optuna's tables, on a way that is never cut."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from record import Row
from scenario import STUDY
from sqlalchemy import NullPool
from sqlalchemy.exc import DBAPIError

AWAY = (DBAPIError, StorageInternalError)
"""What is raised while the database is away."""


@contextmanager
def stored(url: str) -> Iterator[RDBStorage]:
    """Open the tables, which must exist; each look is a new connection, so none is stale."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        storage = RDBStorage(url, engine_kwargs={"poolclass": NullPool}, skip_table_creation=True)
    try:
        yield storage
    finally:
        storage.engine.dispose()


def trials(storage: RDBStorage) -> list[FrozenTrial]:
    """Return all trials of the study, in the order of their numbers."""
    return storage.get_all_trials(storage.get_study_id_from_name(STUDY), deepcopy=False)


def running_id(storage: RDBStorage, number: int) -> int | None:
    """Return the key of a trial in the tables; None if it does not run."""
    study = storage.get_study_id_from_name(STUDY)
    trial_id = storage.get_trial_id_from_study_id_trial_number(study, number)
    runs = storage.get_trial(trial_id).state is TrialState.RUNNING
    return trial_id if runs else None


def row(trial: FrozenTrial) -> Row:
    """Take from a trial what is judged."""
    error = trial.user_attrs.get("error")
    return Row(
        number=trial.number,
        state=trial.state.name,
        params=trial.params,
        value=trial.value,
        curve=trial.intermediate_values,
        error=error and str(error).strip().splitlines()[-1],
    )


def quiet() -> None:
    """Keep Optuna's talk off the screen."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
