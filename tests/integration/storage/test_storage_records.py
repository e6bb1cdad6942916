"""Trials are read as Optuna reads them."""

import math
from datetime import datetime

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
SPACE = {
    "rate": (0.01, FloatDistribution(0.001, 0.1, log=True)),
    "share": (0.25, FloatDistribution(0.0, 1.0, step=0.25)),
    "depth": (3, IntDistribution(1, 9)),
    "kind": ("é", CategoricalDistribution(["a", "é", None, True])),
}


def trial(state, value=None, steps=(), **params):
    """A trial with everything that one can have."""
    made = create_trial(
        state=state,
        value=value,
        params={name: SPACE[name][0] for name in params},
        distributions={name: SPACE[name][1] for name in params},
        intermediate_values=dict(enumerate(steps, 1)),
        user_attrs={"note": {"of": [1, None, "ü"]}},
        system_attrs={"hidden": 1.5},
    )
    made.datetime_start = datetime(2026, 7, 1, 12, 0, 0, 250)
    return made


@pytest.fixture
def study(database):
    """A study of all kinds of trials, beside another one."""
    optuna.create_study(study_name="other", storage=database.storage).add_trial(trial(FAIL))
    study = optuna.create_study(study_name="all", storage=database.storage)
    study.add_trial(trial(COMPLETE, 0.5, [0.1, -math.inf, math.inf], **SPACE))
    study.add_trial(trial(PRUNED, math.inf, [0.25], kind=0, depth=0))
    study.add_trial(trial(FAIL))
    study.ask().report(0.125, 7)
    study.ask()
    study.enqueue_trial({"rate": 0.02})
    study.add_trial(trial(TrialState.WAITING, steps=[0.75], rate=0))
    return study


@pytest.fixture
def optunas(database):
    """Optuna's own storage, on the same tables."""
    storage = RDBStorage(database.url.render_as_string(hide_password=False))
    yield storage
    storage.engine.dispose()


def ours(database, study, **which):
    return database.records.get_all_trials(study._study_id, **which)


def test_every_trial_is_as_optuna_reads_it(database, study, optunas):
    expected = optunas.get_all_trials(study._study_id)
    assert len(expected) == 7
    assert ours(database, study) == expected
    assert ours(database, study) == expected  # also what waits and was read before


@pytest.mark.parametrize("states", [(COMPLETE, PRUNED), (TrialState.WAITING,), ()])
def test_states_can_be_asked_for(database, study, optunas, states):
    expected = optunas.get_all_trials(study._study_id, states=states)
    assert ours(database, study, states=states) == expected


def test_what_is_no_number_is_read_as_optuna_reads_it(database, study, optunas):
    study.add_trial(trial(COMPLETE, -math.inf, [math.nan]))
    (expected,) = optunas.get_all_trials(study._study_id)[-1:]
    (found,) = ours(database, study)[-1:]
    assert found.value == expected.value == -math.inf
    assert math.isnan(found.intermediate_values[1])


def test_a_study_without_trials_has_none(database):
    empty = optuna.create_study(study_name="empty", storage=database.storage)
    assert ours(database, empty) == []


def test_a_study_that_was_deleted_is_an_error(database, study):
    optuna.delete_study(study_name="all", storage=database.storage)
    with pytest.raises(KeyError, match="no study has the id"):
        ours(database, study)
