"""Trials that wait at rungs, on a real database."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from blobs import STEPS
from centroid import stepwise
from optuna.trial import TrialState
from trials import StopAfter, run_trial

from hpo.artifacts import open_artifacts
from hpo.opening import objective_of
from hpo.storage.keys import FOLDS, PAUSED
from hpo.storage.ownership import OwnedTrial
from hpo.study import StudyState, Want, load_study, retry, runs_of, set_control, status
from hpo.worker import loop
from hpo.worker.lease import Outcome
from hpo.worker.signals import Stop
from hpo.worker.strategy import pruner

HALVING = {"pruner": {"name": "halving", "min_resource": 1, "reduction_factor": 2}}
GRID = {"space": {"rate": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}, "sampler": {"name": "grid"}}
FOLDED = {"evaluation": {"folds": 2}}


@pytest.fixture
def trained(monkeypatch):
    """Return the rate of each training, in order."""
    rates, fit = [], stepwise.fit

    def listen(params, *args, **kwargs):
        rates.append(params.rate)
        return fit(params, *args, **kwargs)

    monkeypatch.setattr(stepwise, "fit", listen)
    return rates


def states(stored):
    return [trial.state for trial in stored.study.trials]


def test_few_climb_all_the_way_and_the_others_end_pruned(create_study, work):
    stored = create_study(**HALVING, budget={"trials": 16})
    work(stored)
    found = stored.study.trials
    assert status(stored).state is StudyState.FINISHED
    assert {t.state for t in found} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert all(t.value == t.intermediate_values[t.last_step] for t in found)
    assert all(t.datetime_complete is not None for t in found)
    climbed = [len(t.intermediate_values) for t in found]
    assert climbed.count(1) >= 6  # half of them, but for those that were early
    assert 1 <= climbed.count(STEPS) <= 4


def test_the_best_half_at_a_rung_has_gone_beyond_it(create_study, work):
    stored = create_study(**HALVING, budget={"trials": 12})
    work(stored)
    ranked = sorted(stored.study.trials, key=lambda trial: -trial.intermediate_values[1])
    assert all(trial.last_step > 1 for trial in ranked[:6])


def test_a_single_trial_is_brought_to_its_end(create_study, work):
    stored = create_study(**HALVING, budget={"trials": 1})
    work(stored)
    assert states(stored) == [TrialState.COMPLETE]


@pytest.mark.parametrize("steps", [4, 5, 12, 13])
def test_a_budget_of_steps_is_kept_and_leaves_enough_for_one_result(create_study, work, steps):
    stored = create_study(**HALVING, budget={"steps": steps})
    work(stored)
    assert TrialState.COMPLETE in states(stored)
    assert status(stored).state is StudyState.FINISHED
    assert status(stored).steps == steps  # the shortest climb is of one step


@pytest.mark.parametrize("pruned_by", [HALVING, {}], ids=["halving", "nothing"])
def test_workers_at_once_keep_a_budget_of_steps(create_study, open_another, work, pruned_by):
    stored = create_study(**pruned_by, budget={"steps": 40})

    def work_too(_number):
        with open_another() as other:
            work(load_study(other, "blobs"))

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(work_too, range(4))] == [None] * 4
    assert TrialState.COMPLETE in states(stored)
    assert status(stored).state is StudyState.FINISHED
    assert status(stored).steps == 40


def test_a_paused_trial_goes_on_in_another_worker_and_reports_no_step_twice(
    create_study, leases, open_another, work
):
    stored = create_study(**HALVING, budget={"trials": 1})
    stored.study.pruner = pruner(stored.definition.pruner, stored.ladder)
    first = leases(stored, "first").take()
    run_trial(first, objective_of(stored), Stop())
    (paused,) = stored.study.trials
    assert (paused.state, paused.system_attrs[PAUSED]) == (TrialState.WAITING, 1)
    with open_another() as other:
        work(load_study(other, "blobs"))
    (trial,) = stored.study.trials
    assert (trial.state, [*trial.intermediate_values]) == (TrialState.COMPLETE, [1, 2, 3, 4])
    assert trial.params == paused.params
    assert trial.intermediate_values[1] == paused.intermediate_values[1]


@pytest.mark.parametrize("told", ["to pause", "to stop"])
def test_a_trial_that_is_handed_back_at_a_rung_waits_there_like_any_other(
    create_study, leases, database, told
):
    stored = create_study(**HALVING, budget={"trials": 1})
    stored.study.pruner = pruner(stored.definition.pruner, stored.ladder)
    lease = leases(stored).take()
    if told == "to pause":
        set_control(database, "blobs", Want.PAUSE)
    run_trial(lease, objective_of(stored), StopAfter(0) if told == "to stop" else Stop())
    (trial,) = stored.study.trials
    assert (trial.last_step, trial.system_attrs.get(PAUSED)) == (1, 1)


def test_steps_that_are_climbed_again_are_not_written_again(create_study, leases, monkeypatch):
    stored = create_study(**HALVING, budget={"trials": 1})
    stored.study.pruner = pruner(stored.definition.pruner, stored.ladder)
    run_trial(leases(stored).take(), objective_of(stored), Stop())
    writings, write = [], OwnedTrial.write

    def listen(owned, writing):
        writings.append(writing)
        return write(owned, writing)

    monkeypatch.setattr(OwnedTrial, "write", listen)
    run_trial(leases(stored).take(), objective_of(stored), Stop())
    assert stored.study.trials[0].last_step == 2
    assert len(writings) == 3  # where it begins, at the second rung, before what it found is kept


def test_time_that_a_trial_waited_is_no_work(create_study, leases, work):
    stored = create_study(**HALVING, budget={"trials": 1})
    stored.study.pruner = pruner(stored.definition.pruner, stored.ladder)
    run_trial(leases(stored).take(), objective_of(stored), Stop())
    before = status(stored).worked
    time.sleep(0.3)
    assert status(stored).worked == before
    work(stored)
    (trial,) = stored.study.trials
    assert len(runs_of(trial)) == 3  # to the rungs 1 and 2, and to the end
    waited = trial.datetime_complete.timestamp() - runs_of(trial)[0][0]
    assert waited - status(stored).worked.total_seconds() >= 0.3


def test_finished_folds_are_not_trained_again(create_study, work, trained):
    stored = create_study(**HALVING, **FOLDED, budget={"trials": 1})
    work(stored)  # rungs at 1, 2 and 4 of 8 steps: at 4 the first fold is finished
    (trial,) = stored.study.trials
    assert len(trial.user_attrs[FOLDS]) == 2
    assert trial.value == sum(trial.user_attrs[FOLDS]) / 2
    assert len(trained) == 4  # three times the first fold, once the second


def test_a_grid_is_walked_point_by_point_and_ends(create_study, work):
    stored = create_study(**GRID, budget={"trials": 100})
    stored.study.enqueue_trial({"rate": 0.3})
    work(stored)
    rates = [trial.params["rate"] for trial in stored.study.trials]
    assert rates[0] == 0.3  # it was queued, and takes no point of the grid
    assert sorted(rates[1:]) == GRID["space"]["rate"]
    assert status(stored).budget.trials == 7
    assert status(stored).state is StudyState.FINISHED


@pytest.mark.parametrize("has_rate", [True, False])
def test_another_try_for_a_point_of_a_grid_takes_no_other_point_s_place(
    create_study, leases, work, database, monkeypatch, has_rate
):
    stored = create_study(**GRID, budget={"trials": 100})
    ours = loop.prepare_service(stored, objective_of(stored), open_artifacts(), Stop())
    ours.run_next()
    with monkeypatch.context() as broken:
        broken.setattr(stepwise, "fit", lambda *_: 1 / 0)
        if has_rate:
            ours.run_next()
        else:
            leases(stored).take().end(Outcome(state=TrialState.FAIL, error="too early"))
    retry(database, "blobs")
    work(stored)
    tried = [t.params["rate"] for t in stored.study.trials if t.state is TrialState.COMPLETE]
    assert sorted(tried) == GRID["space"]["rate"]
    assert status(stored).state is StudyState.FINISHED


def test_the_best_of_a_grid_is_found_by_halving_it(create_study, work):
    stored = create_study(**GRID, **HALVING, budget={"steps": 100})
    work(stored)
    assert states(stored).count(TrialState.COMPLETE) >= 1
    assert status(stored).steps < 6 * STEPS
