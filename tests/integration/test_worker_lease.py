"""Who owns a trial, and how many there are, whatever many workers do at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from itertools import chain, count

import psycopg2
import pytest
from blobs import STEPS
from optuna.distributions import FloatDistribution, distribution_to_json
from optuna.trial import TrialState
from sqlalchemy import event, exc, text

from hpo.errors import DatabaseAway, LeaseLost
from hpo.storage import retrying, stale, taking
from hpo.storage.database import study_lock
from hpo.storage.keys import ERROR, OWNER
from hpo.storage.ownership import Writing
from hpo.storage.stale import MOST_LOSSES
from hpo.study import Want, load_study, runs_of, set_control
from hpo.worker.lease import Outcome

PRUNED = Outcome(state=TrialState.PRUNED)
WAITING = Outcome(state=TrialState.WAITING)
OPTUNAS = text("INSERT INTO trials (number, study_id, state) VALUES (0, :study_id, 'RUNNING')")


@pytest.fixture
def mine(create_study, leases):
    return leases(create_study())


@pytest.fixture
def theirs(mine, open_another, leases):
    """Another worker's, who has opened the database on its own."""
    assert mine.owner != "them"
    with open_another() as other:
        yield leases(load_study(other, "blobs"), "them")


def states(leases):
    return [trial.state.name.lower() for trial in leases.stored.study.get_trials()]


def test_a_trial_that_was_taken_runs_and_has_an_owner(mine, stale_ids):
    lease = mine.take()
    (trial,) = mine.stored.study.trials
    assert (lease.number, trial.state) == (0, TrialState.RUNNING)
    assert trial.system_attrs[OWNER].startswith("me:")
    assert trial.datetime_start is not None
    assert stale_ids() == []


@pytest.mark.parametrize("budget", [{"trials": 3}, {"trials": 3, "steps": 99}], ids=str)
def test_a_trial_that_another_program_numbers_meanwhile_has_a_number_of_its_own(
    create_study, leases, database, budget
):
    ours = leases(create_study(name="shared", budget=budget))
    with ThreadPoolExecutor(1) as thread:
        with database.engine.begin() as connection:  # as Optuna does it
            connection.execute(text("SELECT FROM studies FOR UPDATE"))
            connection.execute(OPTUNAS, {"study_id": ours.stored.study_id})
            taking_one = thread.submit(ours.take)
            time.sleep(0.5)
        assert taking_one.result().number == 1
    assert [trial.number for trial in ours.stored.study.trials] == [0, 1]


def test_the_budget_ends_the_taking(mine):
    taken = [mine.take() for _ in range(3)]
    assert [lease.number for lease in taken] == [0, 1, 2]
    assert mine.take() is None
    assert not mine.is_over()  # the three still run
    for lease in taken:
        lease.end(PRUNED)
    assert mine.take() is None
    assert mine.is_over()


def test_a_budget_that_was_raised_meanwhile_counts(mine, create_study):
    for _ in range(3):
        mine.take().end(PRUNED)
    assert mine.is_over()
    create_study(budget={"trials": 4})
    assert not mine.is_over()
    assert mine.take().number == 3


def test_steps_end_the_taking_too(create_study, leases):
    mine = leases(create_study(budget={"steps": STEPS + 1}))
    for _ in range(2):
        lease = mine.take()
        lease.write(Writing(reports={1: 0.5}))
        lease.end(PRUNED)
    assert mine.take() is None
    assert mine.is_over()


def test_many_that_take_at_once_get_exactly_the_budget(
    database, open_another, create_study, leases
):
    create_study(budget={"trials": 11})

    def take_all(other):
        mine = leases(load_study(other, "blobs"), f"worker {id(other)}")
        while lease := mine.take():
            lease.end(PRUNED)
            yield lease.number

    with ExitStack() as stack, ThreadPoolExecutor(5) as threads:
        others = [stack.enter_context(open_another()) for _ in range(5)]
        taken = [*threads.map(lambda other: [*take_all(other)], others)]
    assert sorted(chain.from_iterable(taken)) == list(range(11))
    assert [t.state for t in load_study(database, "blobs").study.trials] == [TrialState.PRUNED] * 11


def test_a_trial_that_was_handed_back_keeps_what_it_has_and_is_taken_first(mine, theirs):
    first, second = mine.take(), mine.take()
    distribution = FloatDistribution(0, 1)
    rate = (0.25, distribution_to_json(distribution))
    first.write(Writing(params={"rate": rate}, reports={1: 0.5}, user_attrs={"note": [1]}))
    first.end(WAITING)
    again = theirs.take()
    assert again.number == first.number
    found = again.trial
    assert found.params == {"rate": 0.25}
    assert found.distributions == {"rate": distribution}
    assert found.intermediate_values == {1: 0.5}
    assert found.user_attrs["note"] == [1]
    assert theirs.take().number == second.number + 1  # a new one


def test_of_several_that_wait_the_first_is_taken_first(mine, theirs):
    taken = [mine.take() for _ in range(3)]
    for lease in reversed(taken):
        lease.end(WAITING)
    assert [theirs.take().number for _ in range(3)] == [0, 1, 2]


def test_waiting_trials_are_part_of_the_budget(mine):
    for lease in [mine.take() for _ in range(3)]:
        lease.end(WAITING)
    assert not mine.is_over()
    for _ in range(3):
        mine.take().end(PRUNED)
    assert mine.take() is None
    assert states(mine) == ["pruned"] * 3


def test_a_trial_ends_once(mine):
    lease = mine.take()
    lease.end(Outcome(state=TrialState.COMPLETE, value=0.5))
    lease.end(Outcome(state=TrialState.COMPLETE, value=0.75))  # as if it had not been answered
    with pytest.raises(LeaseLost):
        lease.end(PRUNED)
    assert mine.stored.study.trials[0].value == 0.5


def test_a_trial_that_a_person_failed_is_lost(mine, theirs):
    lease = mine.take()
    theirs.stored.database.storage.set_trial_state_values(lease.owned.trial_id, TrialState.FAIL)
    with pytest.raises(LeaseLost):
        lease.write()
    with pytest.raises(LeaseLost):
        lease.end(Outcome(state=TrialState.FAIL, error="too late"))
    trial = mine.stored.study.trials[0]
    assert trial.state is TrialState.FAIL
    assert ERROR not in trial.user_attrs


def test_a_trial_of_a_worker_that_lives_is_left_alone(mine, theirs):
    lease = mine.take()
    assert theirs.take().number == 1
    lease.write()


def test_a_stale_trial_is_taken_over_and_ends_once(mine, theirs, make_stale):
    lost = mine.take()
    make_stale()
    lease = theirs.take()
    assert lease.number == lost.number
    with pytest.raises(LeaseLost):
        lost.write(Writing(reports={1: 0.1}, user_attrs={"late": 1}))
    with pytest.raises(LeaseLost):
        lost.end(Outcome(state=TrialState.COMPLETE, value=0.1))
    lease.end(Outcome(state=TrialState.COMPLETE, value=0.9))
    assert [trial.value for trial in mine.stored.study.trials] == [0.9]


def test_a_worker_that_takes_its_own_stale_trial_has_it_again(mine, make_stale):
    mine.take()
    make_stale()
    lease = mine.take()
    assert lease.number == 0
    lease.write()
    assert mine.take().number == 1  # with a heartbeat of now


def test_a_trial_that_kills_its_workers_fails_with_a_reason(mine, theirs, make_stale):
    for _ in range(MOST_LOSSES):
        assert mine.take().number == 0
        make_stale()
    assert theirs.take().number == 1
    failed = mine.stored.study.trials[0]
    assert failed.state is TrialState.FAIL
    assert failed.user_attrs[ERROR] == f"{MOST_LOSSES} workers died at the same step of it"


def test_a_trial_that_gets_on_may_lose_any_number_of_workers(mine, make_stale):
    for step in range(1, 2 * MOST_LOSSES):
        lease = mine.take()
        assert lease.number == 0
        lease.write(Writing(reports={step: 0.5}))
        make_stale()
    assert mine.take().number == 0


def test_handing_back_is_no_loss(mine):
    for _ in range(MOST_LOSSES + 1):
        mine.take().end(WAITING)
    assert states(mine) == ["waiting"]


def test_a_worker_that_dies_while_it_takes_a_trial_leaves_no_trace(mine, theirs, monkeypatch):
    begin = taking.begin

    def die(*given, **named):
        begin(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(taking, "begin", die)
        with pytest.raises(KeyboardInterrupt):
            mine.take()
    assert states(theirs) == []
    assert theirs.take().number == 0


def test_a_trial_is_stale_when_its_worker_was_silent_for_the_grace_period(
    mine, make_stale, stale_ids, monkeypatch
):
    lease = mine.take()
    make_stale()
    monkeypatch.setenv("HPO_GRACE", "3700")
    assert stale_ids() == []
    monkeypatch.setenv("HPO_GRACE", "3590")
    assert stale_ids() == [lease.owned.trial_id]


def test_a_server_that_was_down_has_heard_nobody(mine, make_stale, stale_ids, monkeypatch):
    mine.take()
    make_stale()
    since_now = stale.STALE.replace("to_timestamp(0)", "CURRENT_TIMESTAMP")
    monkeypatch.setattr(stale, "STALE", since_now)
    assert stale_ids() == []


# ---- a database that does not answer, or whose answer is lost


@pytest.fixture
def lose(mine):
    """Let the answers to statements that contain a text be lost, a number of times."""

    def listen(part, times=1, *, commit=True):
        left = [None] * times
        moment = "commit" if commit else "before_cursor_execute"
        seen = []

        def note(_connection, _cursor, statement, *_):
            seen.append(part in statement)

        def fail(*args):
            hit = part in args[2] if not commit else any(seen)
            if hit and left:
                left.pop()
                seen.clear()
                if commit:
                    args[0].connection.dbapi_connection.commit()
                raise exc.OperationalError("", {}, psycopg2.OperationalError("no route"))

        if commit:
            event.listen(mine.stored.database.engine, "before_cursor_execute", note)
        event.listen(mine.stored.database.engine, moment, fail)

    return listen


def test_a_trial_whose_taking_was_not_answered_is_had_all_the_same(mine, theirs, lose):
    lose("taken AS")
    assert mine.take().number == 0
    assert states(theirs) == ["running"]
    assert theirs.take().number == 1


@pytest.mark.parametrize("commit", [True, False])
def test_an_end_that_was_not_answered_is_told_once(mine, lose, commit):
    lease = mine.take()
    lose("ended AS", times=3, commit=commit)
    lease.end(Outcome(state=TrialState.COMPLETE, value=0.5), Writing(reports={4: 0.5}))
    (trial,) = mine.stored.study.trials
    assert (trial.state, trial.value) == (TrialState.COMPLETE, 0.5)
    assert trial.intermediate_values == {4: 0.5}
    assert len(runs_of(trial)) == 1


@pytest.mark.parametrize("commit", [True, False])
def test_a_step_that_was_not_answered_is_written_once(mine, lose, commit):
    lease = mine.take()
    lose("reported AS", times=2, commit=commit)
    lease.write(Writing(reports={1: 0.25, 2: 0.5}))
    assert mine.stored.study.trials[0].intermediate_values == {1: 0.25, 2: 0.5}


def test_a_database_that_stays_away_is_not_waited_for_for_ever(mine, lose, monkeypatch):
    monkeypatch.setattr(retrying, "PATIENCE", 0.5)
    lease = mine.take()
    lose("reported AS", times=99, commit=False)
    with pytest.raises(DatabaseAway, match="no route"):
        lease.write()


# ---- what a person wants


@pytest.mark.parametrize("want", [Want.PAUSE, Want.STOP, Want.CANCEL])
def test_nothing_is_taken_of_a_study_that_is_not_to_run(mine, want):
    lease = mine.take()
    set_control(mine.stored.database, "blobs", want)
    assert mine.take() is None
    assert lease.write().control.want is want
    assert not mine.is_over()
    lease.end(WAITING)
    assert mine.is_over() is (want is not Want.PAUSE)
    set_control(mine.stored.database, "blobs", Want.RUN)
    assert mine.take().number == 0


@pytest.fixture
def statements(mine):
    """Return what is sent to the database from now on."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        sent.append(statement)

    event.listen(mine.stored.database.engine, "before_cursor_execute", note)
    return sent


def test_a_new_trial_is_taken_without_a_look_at_the_others(mine, statements):
    mine.take().end(PRUNED)
    statements.clear()
    lease = mine.take()
    assert not any("trial_intermediate_values" in sent for sent in statements)
    assert len(statements) == 5  # stale trials, the lock, the study, its row, the trial
    assert [trial.number for trial in lease.trials] == [0]  # where somebody asks for them


def test_a_new_trial_is_as_the_database_has_it(mine):
    lease = mine.take()
    (stored,) = mine.stored.study.get_trials()
    assert lease.trial == stored
    assert lease.trial._trial_id == stored._trial_id


def test_what_waits_is_taken_before_a_new_trial_is_begun(mine, theirs):
    first, _ = mine.take(), mine.take()
    first.end(WAITING)
    assert [theirs.take().number for _ in range(2)] == [0, 2]


def test_whether_a_study_is_over_is_asked_again_when_the_database_was_away(mine, lose):
    lose("FROM trials", times=2, commit=False)  # Optuna tries it in another way first
    assert not mine.is_over()


@pytest.mark.parametrize("budget", [{"trials": 3}, {"steps": 40}], ids=["trials", "steps"])
@pytest.mark.parametrize("number", range(12))
def test_whichever_statement_of_a_taking_fails_the_trial_is_had(
    create_study, leases, budget, number
):
    mine = leases(create_study(budget=budget))
    sent = count()

    @event.listens_for(mine.stored.database.engine, "before_cursor_execute")
    def fail(*_):
        if next(sent) == number:
            raise exc.OperationalError("", {}, psycopg2.OperationalError("no route"))

    lease = mine.take()
    event.remove(mine.stored.database.engine, "before_cursor_execute", fail)
    assert lease.number == 0
    assert states(mine) == ["running"]


def test_time_in_which_a_worker_waits_for_the_lock_is_none_of_its_trial(mine, database):
    with ThreadPoolExecutor(1) as pool:
        with study_lock(database, "blobs") as connection:
            taking = pool.submit(mine.take)
            until_it_waits = (
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            while not connection.scalar(text(until_it_waits)):
                time.sleep(0.05)
            time.sleep(0.5)
            let_go = datetime.now()
        assert taking.result().trial.datetime_start >= let_go
