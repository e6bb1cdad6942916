"""What a person wants of a study is heeded by its workers, within a step."""

from dataclasses import replace

import psycopg2
import pytest
from blobs import STEPS
from centroid import stepwise
from optuna.trial import TrialState

from hpo.artifacts import open_artifacts
from hpo.opening import objective_of
from hpo.storage.keys import CONTROL
from hpo.storage.ownership import Writing
from hpo.study import StudyState, Want, load_study, set_control, status
from hpo.worker import climber, loop
from hpo.worker import trial as trial_module
from hpo.worker.lease import Leases
from hpo.worker.mishaps import SAME_BUGS, SickMachine
from hpo.worker.signals import Stop


@pytest.fixture
def at_epoch_2(monkeypatch):
    """Do something, once, when a training comes to its second epoch."""

    def listen(act):
        fit, waiting = stepwise.fit, [act]

        def fit_and_act(params, task, X, y, seed, on_step):
            def on_step_and_act(number, centroids):
                if number == 2 and waiting:
                    waiting.pop()()
                on_step(number, centroids)

            return fit(params, task, X, y, seed, on_step_and_act)

        monkeypatch.setattr(stepwise, "fit", fit_and_act)

    return listen


def climbed(stored):
    return [(t.state, len(t.intermediate_values)) for t in stored.study.trials]


def test_a_study_that_is_stopped_ends_with_the_trial_that_runs(create_study, work, at_epoch_2, hpo):
    stored = create_study()
    at_epoch_2(lambda: hpo("stop", "blobs"))
    work(stored)
    assert climbed(stored) == [(TrialState.COMPLETE, STEPS)]
    assert status(stored).state is StudyState.STOPPED
    assert hpo("resume", "blobs").out == "blobs: run, was stop\n"
    work(stored)
    assert climbed(stored) == [(TrialState.COMPLETE, STEPS)] * 3
    assert status(stored).state is StudyState.FINISHED


def test_a_study_that_is_cancelled_ends_within_a_step(create_study, work, at_epoch_2, hpo):
    stored = create_study()
    at_epoch_2(lambda: hpo("cancel", "blobs"))
    work(stored)
    assert climbed(stored) == [(TrialState.PRUNED, 2)]
    assert status(stored).state is StudyState.STOPPED


def test_a_paused_study_hands_its_trial_back_and_goes_on_with_it(
    create_study, work, at_epoch_2, hpo, database
):
    stored, seen = create_study(), []

    def pause_and_see():
        hpo("pause", "blobs")
        seen.append(status(stored).state)

    class Resuming:
        """Not told to stop; waits by letting the study go on."""

        requested = is_pressing = False

        def wait(self, _seconds):
            seen.append(status(stored).state)
            set_control(database, "blobs", Want.RUN)

    at_epoch_2(pause_and_see)
    work(stored, Resuming())
    assert seen == [StudyState.RUNNING, StudyState.PAUSED]
    assert climbed(stored) == [(TrialState.COMPLETE, STEPS)] * 3


def test_a_bug_that_fails_one_trial_after_another_stops_the_study(
    create_study, work, monkeypatch, hpo
):
    def fail(params, *_):
        raise ZeroDivisionError(params.rate)  # says something else in each trial

    monkeypatch.setattr(stepwise, "fit", fail)
    stored = create_study(budget={"trials": 50})
    work(stored)
    assert [state for state, _ in climbed(stored)] == [TrialState.FAIL] * SAME_BUGS
    said = hpo("status", "blobs").out
    assert "stopped: its last trials all failed with ZeroDivisionError in File" in said


def test_a_machine_whose_trials_alone_fail_leaves_the_study_to_the_others(
    create_study, monkeypatch
):
    stored = create_study(budget={"trials": 9})

    def worker(name):
        monkeypatch.setattr(loop, "_owner", lambda: name)
        return loop.prepare_service(stored, objective_of(stored), open_artifacts(), Stop())

    healthy, sick = worker("a-host:1:0"), worker("another:2:0")
    for _ in range(3):
        healthy.run_next()
    with monkeypatch.context() as broken:
        broken.setattr(stepwise, "fit", lambda *_: 1 / 0)
        with pytest.raises(SickMachine) as said:
            loop.serve(sick)
    assert "all failed with ZeroDivisionError in File" in str(said.value)
    assert status(stored).control.want is Want.RUN
    loop.serve(healthy)
    found = [state for state, _ in climbed(stored)]
    assert found == [TrialState.COMPLETE] * 3 + [TrialState.FAIL] * 3 + [TrialState.COMPLETE] * 3


def test_who_reports_the_steps_of_a_first_trial_does_well(create_study, leases, monkeypatch):
    stored = create_study(budget={"trials": 9})
    leases(stored, "a-host:1").take().write(Writing(reports={1: 0.5}))
    monkeypatch.setattr(loop, "_owner", lambda: "another:2")
    monkeypatch.setattr(stepwise, "fit", lambda *_: 1 / 0)
    with pytest.raises(SickMachine):
        loop.serve(loop.prepare_service(stored, objective_of(stored), open_artifacts(), Stop()))
    assert status(stored).control.want is Want.RUN


def test_a_sick_machine_is_found_among_many_that_do_well(create_study, monkeypatch):
    stored, fit = create_study(budget={"trials": 20}), stepwise.fit

    def worker(name):
        monkeypatch.setattr(loop, "_owner", lambda: name)
        return loop.prepare_service(stored, objective_of(stored), open_artifacts(), Stop())

    healthy, sick = worker("a-host:1"), worker("another:2")
    for left in (2, 1, 0):
        monkeypatch.setattr(stepwise, "fit", fit)
        healthy.run_next()
        monkeypatch.setattr(stepwise, "fit", lambda *_: 1 / 0)
        if left:
            assert sick.run_next()
    with pytest.raises(SickMachine):
        sick.run_next()
    assert status(stored).control.want is Want.RUN


@pytest.mark.parametrize("first_still_works", [True, False])
def test_what_a_process_of_the_same_machine_did_counts_while_it_works(
    create_study, leases, monkeypatch, first_still_works
):
    stored = create_study(budget={"trials": 9})

    def worker(name):
        monkeypatch.setattr(loop, "_owner", lambda: name)
        return loop.prepare_service(stored, objective_of(stored), open_artifacts(), Stop())

    first, second = worker("a-host:1"), worker("a-host:2")
    first.run_next()
    if first_still_works:
        leases(stored, "a-host:1").take()
    monkeypatch.setattr(stepwise, "fit", lambda *_: 1 / 0)
    if first_still_works:
        with pytest.raises(SickMachine):
            loop.serve(second)
    else:
        loop.serve(second)  # it was started anew, with a bug
    expected = Want.RUN if first_still_works else Want.STOP
    assert status(stored).control.want is expected


def test_what_may_pass_is_tried_again_and_the_reasons_are_kept(create_study, work, monkeypatch):
    fit = stepwise.fit
    mishaps = [
        MemoryError("of the device"),
        OSError(28, "No space left"),
        psycopg2.OperationalError("server closed the connection"),
    ]
    monkeypatch.setattr(trial_module, "MOST_RETRIES", len(mishaps))

    def mishap(*args):
        if mishaps:
            raise mishaps.pop(0)
        return fit(*args)

    monkeypatch.setattr(stepwise, "fit", mishap)
    stored = create_study(budget={"trials": 1})
    work(stored)
    (trial,) = stored.study.trials
    assert trial.state is TrialState.COMPLETE
    assert status(stored).error is None
    assert trial.system_attrs["hpo:retries"] == [
        "out of memory: MemoryError: of the device",
        "input or output failed: OSError: [Errno 28] No space left",
        "the database: server closed the connection",
    ]


def test_what_does_not_pass_fails_in_the_end(create_study, work, monkeypatch):
    def mishap(*_):
        raise MemoryError("of the device")

    monkeypatch.setattr(stepwise, "fit", mishap)
    stored = create_study(budget={"trials": 1})
    work(stored)
    assert status(stored).error == "MemoryError: of the device"
    assert climbed(stored) == [(TrialState.FAIL, 0)]


def test_a_trial_that_diverges_is_pruned(create_study):
    stored = create_study(budget={"trials": 2})
    values = iter([0.5, float("nan"), *[0.5] * STEPS])
    objective = replace(objective_of(stored), metric=lambda *_: next(values))
    loop.serve(loop.prepare_service(stored, objective, open_artifacts(), Stop()))
    assert climbed(stored) == [(TrialState.PRUNED, 1), (TrialState.COMPLETE, STEPS)]
    assert stored.study.trials[0].value == 0.5
    assert "diverged" in stored.study.trials[0].user_attrs["error"]


def test_an_unknown_study_is_named(hpo):
    said = hpo("stop", "nobody")
    assert (said.code, said.out) == (2, "")
    assert 'there is no study "nobody"' in said.err


def test_what_was_wanted_is_stored_with_the_study(create_study, hpo, database):
    create_study()
    hpo("pause", "blobs")
    attrs = load_study(database, "blobs").study.user_attrs
    assert attrs[CONTROL] == {"want": "pause", "reason": None}


# ---- a budget of time


@pytest.fixture
def time_is_over(monkeypatch):
    """Let the time be over that a trial was given, counted from 0; some may have been added."""

    def listen(number, *, added=False):
        taken = iter(range(99))
        real = Leases.take

        def take(leases):
            lease = real(leases)
            is_late = lease is not None and next(taken) == number
            return replace(lease, limit=replace(lease.limit, deadline=0.0)) if is_late else lease

        monkeypatch.setattr(Leases, "take", take)
        if not added:
            monkeypatch.setattr(climber, "deadline_of", lambda _: 0.0)

    return listen


def test_a_trial_is_cut_when_the_time_is_over(create_study, work, time_is_over):
    stored = create_study(budget={"trials": 3, "wall_time": "1h"})
    time_is_over(1)
    work(stored)
    complete = (TrialState.COMPLETE, STEPS)
    assert climbed(stored) == [complete, (TrialState.PRUNED, 1), complete]


def test_time_that_was_added_since_a_trial_was_taken_counts(create_study, work, time_is_over):
    stored = create_study(budget={"trials": 2, "wall_time": "1h"})
    time_is_over(1, added=True)
    work(stored)
    assert climbed(stored) == [(TrialState.COMPLETE, STEPS)] * 2


def test_a_wall_time_that_changes_before_the_first_step_counts(create_study, work, monkeypatch):
    slow = {"epochs": STEPS, "pause": 0.4}
    stored = create_study(fixed=slow, budget={"trials": 2})
    real = Leases.take

    def take(leases):
        lease = real(leases)
        if lease is not None and lease.number == 1:
            create_study(fixed=slow, budget={"trials": 2, "wall_time": "1s"})
        return lease

    monkeypatch.setattr(Leases, "take", take)
    work(stored)
    assert climbed(stored) == [(TrialState.COMPLETE, STEPS), (TrialState.PRUNED, 1)]


def test_the_first_result_is_waited_for(create_study, work, time_is_over):
    stored = create_study(budget={"trials": 1, "wall_time": "1h"})
    time_is_over(0)
    work(stored)
    assert climbed(stored) == [(TrialState.COMPLETE, STEPS)]


def test_a_budget_of_time_ends_a_study_with_a_result(create_study, work):
    halving = {"name": "halving", "min_resource": 1, "reduction_factor": 2}
    fixed = {"epochs": STEPS, "pause": 0.2}
    stored = create_study(pruner=halving, fixed=fixed, budget={"wall_time": "1s"})
    work(stored)
    found = status(stored)
    assert found.state is StudyState.FINISHED
    assert found.counts["complete"] == 1
    assert found.worked.total_seconds() < 4
