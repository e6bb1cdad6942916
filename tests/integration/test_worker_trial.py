"""A worker runs the trials of a study, whatever happens while it does."""

import logging
import sys

import optuna
import pytest
from blobs import STEPS
from centroid import sampled, stepwise
from optuna.pruners import BasePruner
from optuna.trial import TrialState
from sqlalchemy import event, text

from hpo.artifacts import open_artifacts
from hpo.errors import DatabaseError, StudyError
from hpo.opening import objective_of
from hpo.search_space import SearchSpace
from hpo.storage.keys import DEVICE, EARLIER, ENVIRONMENT, ERROR, RUNS, SEED
from hpo.storage.ownership import OwnedTrial, Writing
from hpo.study import StudyState, load_study, status
from hpo.worker import climber, loop
from hpo.worker.lease import Leases, Outcome
from hpo.worker.signals import Stop

SAMPLED = {"model": "centroid:SAMPLED", "fixed": {}}
SHRINKAGE = {"space": {"shrinkage": {"low": 0.0, "high": 0.9}}}
ONE = {"budget": {"trials": 1}}


class PruneFrom(BasePruner):
    """Finds no trial good enough beyond some step."""

    def __init__(self, step):
        self.step = step

    def prune(self, _study, trial):
        return trial.last_step >= self.step


@pytest.fixture
def at_epoch(monkeypatch):
    """Do something, once, when the training comes to an epoch."""

    def act_at(epoch, act):
        fit, waiting = stepwise.fit, [act]

        def fit_and_act(params, task, X, y, seed, on_step):
            def on_step_and_act(number, centroids):
                if number == epoch and waiting:
                    waiting.pop()()
                on_step(number, centroids)

            return fit(params, task, X, y, seed, on_step_and_act)

        monkeypatch.setattr(stepwise, "fit", fit_and_act)

    return act_at


@pytest.fixture
def prune_from(monkeypatch):
    def prune_from_step(step):
        monkeypatch.setattr(loop, "pruner", lambda *_: PruneFrom(step))

    return prune_from_step


@pytest.fixture
def reports(monkeypatch):
    """Return the steps that were written to the database, in order."""
    written = []
    originals = {name: getattr(OwnedTrial, name) for name in ("write", "end")}

    def listen(name):
        def call(owned, *args):
            answer = originals[name](owned, *args)
            writing = next((arg for arg in args if isinstance(arg, Writing)), Writing())
            written.extend((owned.number, step) for step in writing.reports)
            return answer

        return call

    for name in originals:
        monkeypatch.setattr(OwnedTrial, name, listen(name))
    return written


def states(stored):
    return [trial.state.name.lower() for trial in stored.study.get_trials()]


def fail(database, number=0):
    """End a trial as the dashboard does."""
    database.storage.set_trial_state_values(
        database.storage.get_trial_id_from_study_id_trial_number(1, number), TrialState.FAIL
    )


def values(stored):
    """Return all of each trial but when it ran."""
    return [
        (t.params, t.intermediate_values, t.value, {**t.user_attrs, RUNS: None})
        for t in stored.study.trials
    ]


# ---- trials that nothing disturbs


def test_steps_that_are_fast_are_written_together(create_study, work, monkeypatch):
    writes, write = [], OwnedTrial.write

    def count(owned, *args):
        writes.append(owned.number)
        return write(owned, *args)

    monkeypatch.setattr(OwnedTrial, "write", count)
    stored = create_study(**ONE)
    monkeypatch.setattr(climber, "BATCH", 60.0)
    work(stored)
    assert len(writes) == 1  # the parameters; the reports come with the end
    assert list(stored.study.trials[0].intermediate_values) == [1, 2, 3, 4]


def test_a_rung_is_left_behind_once_with_the_value_that_it_had(create_study, work):
    asha = {"name": "asha", "min_resource": 1, "reduction_factor": 2}
    stored = create_study(pruner=asha, budget={"trials": 6})
    work(stored)
    for trial in stored.study.trials:
        rungs = {k: v for k, v in trial.system_attrs.items() if k.startswith("completed_rung")}
        reached = [step for step in (1, 2, 4) if step in trial.intermediate_values]
        kept = [trial.intermediate_values[step] for step in reached if step < STEPS]
        assert list(rungs.values()) == kept


def test_hyperband_does_not_look_the_study_up_at_each_step(create_study, work):
    stored = create_study(pruner={"name": "hyperband"}, budget={"trials": 3})
    asked = []

    @event.listens_for(stored.database.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    work(stored)
    assert len(asked) > 3 * STEPS
    assert not [statement for statement in asked if "WHERE studies.study_name" in statement]


def test_the_budget_is_spent_on_complete_trials(create_study, work):
    stored = create_study()
    work(stored)
    assert states(stored) == ["complete"] * 3
    assert status(stored).state is StudyState.FINISHED
    for trial in stored.study.trials:
        assert list(trial.intermediate_values) == [*range(1, STEPS + 1)]
        assert trial.intermediate_values[STEPS] == trial.value


def test_a_target_that_is_reached_ends_the_study(create_study, work):
    stored = create_study(budget={"trials": 9, "target": 0.01})
    work(stored)
    assert states(stored) == ["complete"]
    assert status(stored).state is StudyState.FINISHED


def test_trials_in_vain_end_the_study(create_study, work):
    stored = create_study(budget={"trials": 99, "patience": 2})
    work(stored)
    values = [trial.value for trial in stored.study.trials]
    assert len(values) < 99
    assert values.index(max(values)) == len(values) - 3
    assert status(stored).state is StudyState.FINISHED


def test_a_trial_records_what_repeats_it(create_study, work):
    stored = create_study(**ONE)
    work(stored)
    (trial,) = stored.study.trials
    objective = objective_of(stored)
    params = objective.space.suggest(trial)
    assert 0.1 <= params.rate <= 0.9
    assert trial.user_attrs[SEED] == objective.seed_of(params)
    assert trial.user_attrs[ENVIRONMENT]["python"] == sys.version.split()[0]
    assert objective.evaluate(params, lambda *_: None) == trial.value


def test_two_workers_propose_different_values(open_another, create_study, work):
    stored = create_study(**ONE)
    work(stored)
    with open_another() as other:
        create_study()  # with a larger budget
        work(load_study(other, "blobs"))
    rates = {trial.params["rate"] for trial in stored.study.trials}
    assert len(rates) == 3


def test_a_trial_that_a_person_queued_runs_with_its_values(create_study, work):
    stored = create_study()
    stored.study.enqueue_trial({"rate": 0.125})
    work(stored)
    assert stored.study.trials[0].params == {"rate": 0.125}
    assert states(stored) == ["complete"] * 3


def test_a_finished_study_gets_no_trial(create_study, work):
    stored = create_study(**ONE)
    work(stored)
    before = values(stored)
    work(stored)
    assert values(stored) == before


# ---- trials that are stopped early


def test_a_bad_trial_is_pruned(create_study, work, prune_from):
    stored = create_study()
    prune_from(2)
    work(stored)
    assert states(stored) == ["pruned"] * 3
    assert [trial.last_step for trial in stored.study.trials] == [2] * 3
    assert status(stored).best is None


@pytest.mark.parametrize(
    ("changes", "last_step"),
    [
        ({}, STEPS),
        ({"evaluation": {"folds": 2}}, 2 * STEPS),
        ({**SAMPLED, **SHRINKAGE}, 9),
        ({**SAMPLED, **SHRINKAGE, "evaluation": {"folds": 2}}, 18),
    ],
)
def test_a_trial_is_never_pruned_at_its_last_step(
    create_study, work, prune_from, changes, last_step
):
    stored = create_study(**ONE, **changes)
    prune_from(last_step)
    work(stored)
    assert states(stored) == ["complete"]
    assert stored.study.trials[0].last_step == last_step


def test_a_short_trial_is_not_pruned_at_its_own_last_step(create_study, work, prune_from):
    stored = create_study(**ONE, space={"epochs": [2, 9]}, fixed={"rate": 0.5})
    stored.study.enqueue_trial({"epochs": 2})
    prune_from(2)
    work(stored)
    assert states(stored) == ["complete"]


# ---- trials that fail


def test_an_exception_of_the_model_fails_its_trial_only(create_study, work, at_epoch):
    def divide():
        return 1 / 0

    stored = create_study()
    at_epoch(2, divide)
    work(stored)
    assert states(stored) == ["fail", "complete", "complete"]
    error = stored.study.trials[0].user_attrs[ERROR]
    assert error.startswith("Traceback")
    assert "in divide" in error
    assert status(stored).error == "ZeroDivisionError: division by zero"


def test_a_model_that_always_fails_ends_with_the_budget(create_study, work, monkeypatch):
    monkeypatch.setattr(sampled, "predict", lambda *_: None)
    stored = create_study(**SAMPLED, **SHRINKAGE)
    work(stored)
    assert states(stored) == ["fail"] * 3


def test_an_error_of_the_database_fails_no_trial(create_study, work, monkeypatch):
    def refuse(*_):
        raise DatabaseError("the database: permission denied")

    stored = create_study(**ONE)
    with monkeypatch.context() as patch:
        patch.setattr(OwnedTrial, "write", refuse)
        with pytest.raises(DatabaseError, match="permission denied"):
            work(stored)
    (trial,) = stored.study.trials
    assert trial.state is TrialState.RUNNING  # until it is stale
    assert ERROR not in trial.user_attrs


def test_lost_connections_fail_no_trial(database, create_study, work, at_epoch):
    def disconnect():
        with database.engine.begin() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    stored = create_study()
    at_epoch(2, disconnect)
    work(stored)
    assert states(stored) == ["complete"] * 3


# ---- trials that are handed back


@pytest.mark.parametrize(
    "changes",
    [{}, {"evaluation": {"folds": 2}}],
)
def test_a_worker_that_is_told_to_stop_hands_its_trial_back(
    open_another, create_study, work, at_epoch, reports, changes
):
    stored, stop = create_study(**changes), Stop()
    at_epoch(3, stop.request)
    work(stored, stop)
    assert states(stored) == ["waiting"]
    assert [*stored.study.trials[0].intermediate_values] == [1, 2, 3]

    with open_another() as other:
        work(load_study(other, "blobs"))
    assert states(stored) == ["complete"] * 3
    assert len(reports) == len(set(reports))

    undisturbed = create_study(name="undisturbed", **changes)
    work(undisturbed)
    assert values(stored) == values(undisturbed)


def test_a_worker_that_is_told_to_stop_while_it_takes_a_trial_does_no_step(
    create_study, work, monkeypatch, reports
):
    stored, stop = create_study(**ONE), Stop()
    take = Leases.take

    def take_and_stop(leases):
        lease = take(leases)
        stop.request()
        return lease

    with monkeypatch.context() as patch:
        patch.setattr(Leases, "take", take_and_stop)
        work(stored, stop)
    assert (states(stored), reports) == (["waiting"], [])
    work(stored)
    assert states(stored) == ["complete"]


def test_a_trial_remembers_each_machine_that_it_began_on(create_study, work, at_epoch, monkeypatch):
    stored, stop = create_study(**ONE), Stop()
    at_epoch(2, stop.request)
    work(stored, stop)
    here = stored.study.trials[0].user_attrs
    assert EARLIER not in here

    again = Stop()
    at_epoch(3, again.request)
    there = {**here[ENVIRONMENT], "processor": "Other CPU"}
    monkeypatch.setattr("hpo.worker.trial.recorded_environment", lambda _packages: there)
    work(stored, again)
    work(stored)
    (done,) = stored.study.trials
    assert done.state is TrialState.COMPLETE
    assert done.user_attrs[ENVIRONMENT] == there
    assert done.user_attrs[EARLIER] == [{key: here[key] for key in (ENVIRONMENT, DEVICE)}]


def test_growing_samples_are_handed_back_too(database, create_study, work, monkeypatch, reports):
    changes = {**SAMPLED, **SHRINKAGE, "evaluation": {"folds": 2}}
    stored, stop = create_study(**changes), Stop()
    fits, fit = [], sampled.fit

    def count(params, task, X, y, seed):
        fits.append(len(X))
        if len(fits) == 2:
            stop.request()
        return fit(params, task, X, y, seed)

    with monkeypatch.context() as patch:
        patch.setattr(sampled, "fit", count)
        work(stored, stop)
        assert states(stored) == ["waiting"]
        assert fits == [4, 10]
        create_study(**changes, **ONE)
        work(load_study(database, "blobs"))
        assert fits == [4, 10, 30, 30]  # what was reported is not trained again
    assert len(reports) == len(set(reports)) == 4

    undisturbed = create_study(name="undisturbed", **changes, **ONE)
    work(undisturbed)
    assert values(stored) == values(undisturbed)


def test_a_trial_at_its_last_step_ends(create_study, work, at_epoch):
    stored, stop = create_study(), Stop()
    at_epoch(STEPS, stop.request)
    work(stored, stop)
    assert states(stored) == ["complete"]


def test_a_worker_that_was_told_before_takes_nothing(create_study, work):
    stored, stop = create_study(), Stop()
    stop.request()
    work(stored, stop)
    assert states(stored) == []


# ---- trials that are lost


def test_a_trial_that_a_person_failed_is_dropped(database, create_study, work, at_epoch, caplog):
    stored = create_study()
    at_epoch(2, lambda: fail(database))
    with caplog.at_level(logging.WARNING):
        work(stored)
    assert states(stored) == ["fail", "complete", "complete"]
    assert ERROR not in stored.study.trials[0].user_attrs
    assert list(stored.study.trials[0].intermediate_values) == [1]
    assert "trial 0 is no longer this worker's; dropped" in caplog.messages


def test_a_trial_that_a_person_failed_at_its_end_is_dropped(database, create_study, work, at_epoch):
    stored = create_study()
    at_epoch(STEPS, lambda: fail(database))
    work(stored)
    assert states(stored) == ["fail", "complete", "complete"]
    assert stored.study.trials[0].value is None


def test_a_trial_that_a_person_failed_before_its_first_step_is_dropped(
    database, create_study, work, monkeypatch
):
    suggest = SearchSpace.suggest

    def fail_and_suggest(space, trial):
        if trial.number == 0:
            fail(database)
        return suggest(space, trial)

    stored = create_study()
    with monkeypatch.context() as patch:
        patch.setattr(SearchSpace, "suggest", fail_and_suggest)
        work(stored)
    assert states(stored) == ["fail", "complete", "complete"]


def test_a_stale_trial_goes_on_with_another_worker(
    open_another, create_study, work, at_epoch, make_stale, reports
):
    stored, stop = create_study(**ONE), Stop()
    with open_another() as other:
        theirs = load_study(other, "blobs")

        def take_over():
            make_stale()
            ours = Leases(stored=theirs, owner="them", artifacts=open_artifacts())
            assert ours.take().number == 0
            stop.request()

        at_epoch(3, take_over)
        work(stored, stop)
        assert states(stored) == ["running"]  # dropped, but not ended
        assert list(stored.study.trials[0].intermediate_values) == [1, 2]
        make_stale()
        work(theirs)
    assert states(stored) == ["complete"]
    assert reports == [(0, step) for step in range(1, STEPS + 1)]


def test_a_worker_waits_for_the_trials_of_others(
    open_another, create_study, work, leases, monkeypatch
):
    stored, seen = create_study(**ONE), []
    with open_another() as other:
        theirs = leases(load_study(other, "blobs"), "them").take()

        def wait(_stop, _seconds):
            seen.append(states(stored))
            if len(seen) == 2:
                theirs.end(Outcome(state=TrialState.WAITING))

        monkeypatch.setattr(Stop, "wait", wait)
        work(stored)
    assert seen == [["running"]] * 2
    assert states(stored) == ["complete"]


def test_a_worker_of_a_deleted_study_says_so(open_another, create_study, work, at_epoch, caplog):
    stored = create_study()
    with open_another() as other:
        at_epoch(2, lambda: optuna.delete_study(study_name="blobs", storage=other.storage))
        with pytest.raises(StudyError, match='the study "blobs" is gone'):
            work(stored)
    assert "trial 0 is no longer this worker's; dropped" in caplog.messages


def test_time_that_was_taken_away_since_a_trial_was_taken_counts(create_study, work, at_epoch):
    paused = {"fixed": {"epochs": STEPS, "pause": 0.3}}
    work(create_study(**paused, **ONE))  # for 1.2 s
    stored = create_study(**paused, budget={"trials": 2})
    at_epoch(2, lambda: create_study(**paused, budget={"trials": 2, "wall_time": "1s"}))
    work(stored)
    assert states(stored) == ["complete", "pruned"]
    assert stored.study.trials[1].last_step == 2
