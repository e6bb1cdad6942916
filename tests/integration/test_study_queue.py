"""Trials that a person queues: what is refused, and that workers take the others as they are."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain

import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from sqlalchemy import event, text

from hpo.definition import Given
from hpo.errors import DefinitionError, StudyError
from hpo.storage.keys import GIVEN
from hpo.storage.ownership import Writing
from hpo.study import StudyState, enqueue, load_study, status
from hpo.study.stored import space_of
from hpo.worker.lease import Outcome
from hpo.worker.proposal import Proposal
from hpo.worker.view import SamplerView

SVM = {
    "model": "svm",
    "space": {
        "kernel": ["rbf", "linear"],
        "C": {"low": 1, "high": 1000, "log": True},
        "gamma": {"low": 0.001, "high": 1, "log": True},
    },
    "fixed": {"components": 2, "whiten": False},
}
PRUNED = Outcome(state=TrialState.PRUNED)
WAITING = Outcome(state=TrialState.WAITING)


def given(*tables):
    return [Given(f"best.toml: [[trials]] {n}", table) for n, table in enumerate(tables, 1)]


@pytest.fixture
def queue(database):
    """Queue trials and give their numbers."""

    def enqueue_tables(*tables, name="blobs"):
        return [one.number for one in enqueue(database, name, given(*tables))]

    return enqueue_tables


@pytest.fixture
def run(leases):
    """Take a trial as a worker does, let it have its values, and end it."""

    def run_next(stored, outcome=PRUNED):
        lease = leases(stored).take()
        proposal = Proposal(
            SamplerView(stored.study, lambda: lease.trials), lease.trial, stored.study.sampler
        )
        params = space_of(stored.definition).suggest(proposal)
        step = len(lease.trial.intermediate_values) + 1
        lease.write(Writing(params=proposal.new, reports={step: 0.5}))
        lease.end(outcome)
        return lease.number, params

    return run_next


def rates(stored):
    return [trial.params.get("rate") for trial in stored.study.trials]


def states(stored):
    return [trial.state.name.lower() for trial in stored.study.trials]


# ---- what is taken


def test_queued_trials_run_first_and_in_their_order(create_study, queue, work):
    stored = create_study()
    assert queue({"rate": 0.25}, {"rate": 0.125}) == [0, 1]
    work(stored)
    assert rates(stored)[:2] == [0.25, 0.125]
    assert rates(stored)[2] not in {0.25, 0.125}
    assert states(stored) == ["complete"] * 3


def test_a_study_of_queued_trials_is_new(create_study, queue):
    stored = create_study()
    queue({"rate": 0.25})
    found = status(stored)
    assert found.state is StudyState.NEW
    assert found.counts["waiting"] == 1


def test_conditional_values_come_in_their_declared_types(create_study, queue, run):
    stored = create_study(**SVM)
    queue({"kernel": "rbf", "C": 10, "gamma": 1}, {"kernel": "linear", "C": 100})
    (_, rbf), (_, linear) = run(stored), run(stored)
    assert (repr(rbf.C), repr(rbf.gamma), rbf.kernel) == ("10.0", "1.0", "rbf")
    assert (repr(linear.C), linear.gamma, linear.kernel) == ("100.0", "scale", "linear")
    assert [*stored.study.trials[1].params] == ["kernel", "C"]


def test_what_is_not_given_is_proposed(create_study, queue, run):
    stored = create_study(**SVM, budget={"trials": 9})
    stored.study.sampler = RandomSampler(seed=1)  # not "linear" three times
    queue(*({"C": C} for C in (1, 10, 100)))
    found = [run(stored)[1] for _ in range(3)]
    assert [params.C for params in found] == [1.0, 10.0, 100.0]
    assert len({params.gamma for params in found if params.kernel == "rbf"} | {"linear"}) >= 2


def test_a_queued_trial_that_is_handed_back_goes_on_with_its_values(create_study, queue, run):
    stored = create_study(**SVM)
    queue({"kernel": "rbf", "gamma": 0.5}, {"kernel": "linear"})
    first = run(stored, WAITING)
    assert run(stored, WAITING) == first
    assert first[0] == 0
    assert (first[1].kernel, first[1].gamma) == ("rbf", 0.5)
    run(stored)
    number, params = run(stored)
    assert (number, params.kernel) == (1, "linear")


def test_a_queued_trial_whose_worker_died_keeps_its_values(
    create_study, queue, run, leases, make_stale
):
    stored = create_study()
    queue({"rate": 0.25})
    assert leases(stored, "them").take().number == 0
    make_stale()
    number, params = run(stored)
    assert (number, params.rate) == (0, 0.25)


# ---- the budget


def test_queued_trials_are_part_of_the_budget(create_study, queue, work):
    stored = create_study(budget={"trials": 4})
    queue({"rate": 0.2}, {"rate": 0.3})
    work(stored)
    assert states(stored) == ["complete"] * 4


def test_more_than_there_is_room_for_is_refused_as_a_whole(create_study, queue, run):
    stored = create_study()
    run(stored)
    refusal = (
        r"^the budget of the study \"blobs\", \{ trials = 3 \}, has room for 2 more, not for 3: "
        r"nothing was queued; raise it in the study's file and run `hpo create` on that$"
    )
    with pytest.raises(StudyError, match=refusal):
        queue({"rate": 0.2}, {"rate": 0.3}, {"rate": 0.4})
    assert states(stored) == ["pruned"]
    queue({"rate": 0.2}, {"rate": 0.3})
    with pytest.raises(StudyError, match="has room for 0 more, not for 1"):
        queue({"rate": 0.4})


def test_a_finished_study_asks_for_a_larger_budget(create_study, queue, run):
    stored = create_study(budget={"trials": 1})
    run(stored)
    with pytest.raises(StudyError, match=r"\{ trials = 1 \}, is spent: raise it in the study's"):
        queue({"rate": 0.2})
    create_study(budget={"trials": 2})
    assert queue({"rate": 0.2}) == [1]


@pytest.mark.parametrize("budget", [{"steps": 7}, {"trials": 9, "steps": 7}])
def test_a_budget_of_steps_lets_no_queued_trial_begin_once_it_is_spent(
    create_study, queue, run, leases, budget
):
    stored = create_study(budget=budget)
    queue(*({"rate": rate} for rate in (0.2, 0.3, 0.4, 0.5)))
    run(stored)
    number, _ = run(stored, WAITING)
    mine = leases(stored)
    assert not mine.is_over()
    lease = mine.take()  # it has begun, so it may end
    assert lease.number == number
    assert mine.take() is None
    lease.write(Writing(reports={2: 0.5, 3: 0.5}))
    lease.end(PRUNED)
    assert mine.take() is None  # three are left, and a trial has four
    assert mine.is_over()
    assert states(stored) == ["pruned", "pruned", "waiting", "waiting"]
    assert status(stored).state is StudyState.FINISHED
    with pytest.raises(StudyError, match="is spent"):
        queue({"rate": 0.6})


def test_a_budget_that_became_smaller_is_kept_with_trials_in_the_queue(create_study, queue, work):
    create_study(budget={"trials": 5})
    queue(*({"rate": rate} for rate in (0.2, 0.3, 0.4, 0.5)))
    stored = create_study(budget={"trials": 2})
    work(stored)
    assert states(stored) == ["complete", "complete", "waiting", "waiting"]
    assert status(stored).state is StudyState.FINISHED
    work(create_study(budget={"trials": 4}))
    assert states(stored) == ["complete"] * 4
    assert rates(stored) == [0.2, 0.3, 0.4, 0.5]


def test_many_that_take_queued_trials_at_once_get_exactly_the_budget(
    open_another, create_study, queue, leases
):
    stored = create_study(budget={"trials": 9})
    queue(*({"rate": 0.2 + number / 100} for number in range(5)))

    def take_all(other):
        mine = leases(load_study(other, "blobs"), f"worker {id(other)}")
        taken = []
        while lease := mine.take():
            lease.end(PRUNED)
            taken.append(lease.number)
        return taken

    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        others = [stack.enter_context(open_another()) for _ in range(4)]
        taken = [*threads.map(take_all, others)]
    assert sorted(chain.from_iterable(taken)) == [*range(9)]
    assert states(stored) == ["pruned"] * 9


# ---- trials that are there


def test_a_trial_that_was_queued_or_tried_is_not_queued_again(database, create_study, queue, run):
    stored = create_study(budget={"trials": 9})
    assert queue({"rate": 0.2}) == [0]
    assert queue({"rate": 0.2}) == [0]
    run(stored)
    _, params = run(stored)
    entries = enqueue(
        database, "blobs", given({"rate": 0.2}, {"rate": params.rate}, {"rate": 0.3}, {"rate": 0.3})
    )
    assert [(one.number, one.is_new) for one in entries] == [
        (0, False),
        (1, False),
        (2, True),
        (2, False),
    ]
    assert states(stored) == ["pruned", "pruned", "waiting"]


def test_a_trial_that_was_proposed_as_a_whole_counts_as_tried(create_study, queue, run):
    stored = create_study(**SVM)
    queue({"kernel": "linear"})
    _, params = run(stored)
    assert queue({"kernel": "linear", "C": params.C}) == [0]
    assert queue({"C": params.C}) == [1]  # the sampler may propose another kernel


def test_a_trial_that_failed_may_be_tried_again(create_study, queue, run):
    stored = create_study()
    queue({"rate": 0.2})
    run(stored, Outcome(state=TrialState.FAIL, error="no memory"))
    assert queue({"rate": 0.2}) == [1]


def test_trials_that_are_there_need_no_room(create_study, queue, run):
    stored = create_study(budget={"trials": 1})
    queue({"rate": 0.2})
    run(stored)
    assert queue({"rate": 0.2}) == [0]


def test_two_that_queue_the_same_at_once_queue_it_once(open_another, create_study):
    stored = create_study(budget={"trials": 9})

    def queue_both(other):
        return [one.is_new for one in enqueue(other, "blobs", given({"rate": 0.2}, {"rate": 0.3}))]

    with ExitStack() as stack, ThreadPoolExecutor(4) as threads:
        others = [stack.enter_context(open_another()) for _ in range(4)]
        new = [*threads.map(queue_both, others)]
    assert sorted(new) == [[False] * 2] * 3 + [[True] * 2]
    assert states(stored) == ["waiting"] * 2


def test_what_another_program_queues_meanwhile_has_numbers_of_its_own(database, create_study):
    stored = create_study(budget={"trials": 9})
    with ThreadPoolExecutor(1) as thread:
        with database.engine.begin() as connection:  # as Optuna does it
            connection.execute(text("SELECT FROM studies FOR UPDATE"))
            connection.execute(
                text("INSERT INTO trials (number, study_id, state) VALUES (0, :id, 'WAITING')"),
                {"id": stored.study_id},
            )
            queueing = thread.submit(enqueue, database, "blobs", given({"rate": 0.2}))
            time.sleep(0.5)
        assert [one.number for one in queueing.result()] == [1]
    assert [trial.number for trial in stored.study.trials] == [0, 1]


# ---- what is refused


def test_a_value_that_no_trial_can_have_queues_nothing(create_study, queue):
    stored = create_study(**SVM)
    refusal = (
        r"^best.toml: \[\[trials\]\] 2: gamma = 0.5: has a meaning only where kernel is one of "
        r'\["rbf", "poly", "sigmoid"\]; here it is "linear"$'
    )
    with pytest.raises(DefinitionError, match=refusal):
        queue({"C": 10}, {"kernel": "linear", "gamma": 0.5})
    assert states(stored) == []


def test_an_unknown_study_is_refused(queue):
    with pytest.raises(StudyError, match='no study "nobody"; the database has: none yet'):
        queue({"rate": 0.2}, name="nobody")


def test_many_trials_are_queued_as_one(database, create_study):
    create_study(budget={"trials": 3000})
    given = [Given(source="file", values={"rate": 0.1 + number / 10_000}) for number in range(3000)]
    queries = []
    event.listen(database.engine, "before_cursor_execute", lambda *told: queries.append(told[2]))
    queued = enqueue(database, "blobs", given)
    assert sum("INSERT INTO trials" in query for query in queries) == 1
    trials = load_study(database, "blobs").study.trials
    assert [one.number for one in queued] == [trial.number for trial in trials] == [*range(3000)]
    assert [trial.system_attrs[GIVEN] for trial in trials] == [one.values for one in given]
