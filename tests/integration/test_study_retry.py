"""Another try for failed trials, and the end of a whole study."""

import time

from centroid import stepwise
from optuna.trial import TrialState

from hpo.storage.ownership import Writing
from hpo.study import StudyState, Want, retry, set_control, status
from hpo.worker.lease import Outcome

FAIL = Outcome(state=TrialState.FAIL, error="ValueError: a bug")


def states(stored):
    return [trial.state.name.lower() for trial in stored.study.trials]


def fail(leases, stored, rate):
    stored.study.enqueue_trial({"rate": rate})
    leases(stored).take().end(FAIL)


def test_a_failed_trial_is_tried_again_in_its_own_place(hpo, create_study, leases, work):
    stored = create_study(budget={"trials": 2})
    fail(leases, stored, 0.25)
    work(stored)
    assert states(stored) == ["fail", "complete"]
    said = hpo("retry", "blobs", "--failed")
    assert (said.code, said.out, said.err) == (0, "queued trial 2: rate 0.25\n", "")
    assert status(stored).state is StudyState.INTERRUPTED
    work(stored)
    assert states(stored) == ["fail", "complete", "complete"]
    assert stored.study.trials[2].params == {"rate": 0.25}
    assert status(stored).state is StudyState.FINISHED


def test_a_trial_is_tried_again_once(hpo, create_study, leases):
    stored = create_study(budget={"trials": 2})
    fail(leases, stored, 0.25)
    fail(leases, stored, 0.5)
    assert hpo("retry", "blobs", 1).out == "queued trial 2: rate 0.5\n"
    said = hpo("retry", "blobs", "--failed")
    assert said.out == "queued trial 3: rate 0.25\n"
    assert said.err == "trial 2 has these values already: rate 0.5\n"
    assert len(stored.study.trials) == 4


def test_a_number_that_is_given_twice_means_one_trial(hpo, create_study, leases):
    stored = create_study(budget={"trials": 2})
    fail(leases, stored, 0.25)
    assert hpo("retry", "blobs", 0, 0).out == "queued trial 1: rate 0.25\n"
    assert len(stored.study.trials) == 2


def test_no_trial_is_queued_that_would_wait_for_ever(hpo, create_study, leases):
    stored = create_study(budget={"trials": 2, "wall_time": "1s"})
    fail(leases, stored, 0.25)
    leases(stored).take()
    time.sleep(1.1)
    said = hpo("retry", "blobs", 0)
    assert said.code == 2
    assert "is spent: raise it" in said.err
    assert len(stored.study.trials) == 2


def test_no_trial_is_queued_for_which_no_steps_are_left(hpo, create_study, leases):
    halving = {"pruner": {"name": "halving", "min_resource": 1}}
    needed = create_study(**halving).ladder.last  # before the first result, a trial has to end
    stored = create_study(budget={"steps": needed}, **halving)
    stored.study.enqueue_trial({"rate": 0.25})
    lease = leases(stored).take()
    lease.write(Writing(reports={1: 0.5}))
    lease.end(FAIL)
    said = hpo("retry", "blobs", "--failed")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f'hpo: the budget of the study "blobs", {{ steps = {needed} }}, is spent: raise it in the '
        "study's file and run `hpo create` on that\n"
    )
    create_study(budget={"steps": needed + 1}, **halving)
    assert hpo("retry", "blobs", "--failed").out == "queued trial 1: rate 0.25\n"


def test_only_failed_trials_are_tried_again(hpo, create_study, leases):
    stored = create_study()
    leases(stored).take()
    said = hpo("retry", "blobs", 0)
    assert said.code == 2
    assert said.err == 'hpo: study "blobs": trial 0 has not failed; the failed trials are: none\n'
    assert hpo("retry", "blobs", "--failed").err == "blobs: no trial has failed\n"
    assert hpo("retry", "blobs").code == 2
    assert hpo("retry", "nobody", 1).code == 2
    assert len(stored.study.trials) == 1


def test_a_stopped_study_says_that_it_does_not_go_on(hpo, database, create_study, leases):
    fail(leases, create_study(), 0.25)
    set_control(database, "blobs", Want.STOP)
    said = hpo("retry", "blobs", "--failed").err
    assert said == "blobs was told to stop: they wait for `hpo resume blobs`\n"


def test_a_trial_that_was_tried_again_counts_once_and_its_error_is_gone(
    create_study, work, monkeypatch, database
):
    stored = create_study(budget={"trials": 2})
    with monkeypatch.context() as broken:
        broken.setattr(stepwise, "fit", lambda *_: 1 / 0)
        work(stored)
    assert "ZeroDivisionError" in status(stored).error
    retry(database, "blobs")
    work(stored)
    found = status(stored)
    assert (found.counts["fail"], found.counts["complete"]) == (2, 2)
    assert (found.ended, found.error) == (2, None)
