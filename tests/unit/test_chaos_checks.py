"""The checks of the chaos test find what they look for, and excuse what they should."""

from dataclasses import replace

import pytest
from checks import Facts, judge
from journal import Line
from record import Event, Process, Record, Rerun, Row
from schedule import ALL, Kind, counted, plan

SEED = {0: 100, 1: 101}  # of each trial
CURVE = {1: 0.5, 2: 0.6}
A, B = 1, 2  # processes


def line(what, pid, at, step=0, trial=0):
    seed = SEED.get(trial, trial)
    return Line(what=what, pid=pid, born=pid, at=at, seed=seed, fold="fold-0", step=step)


def computed(pid, *steps, begun, trial=0):
    """What a process writes down that takes a trial and computes steps of a second."""
    lines = [line("take", pid, begun, trial=trial)]
    for number, step in enumerate(steps):
        at = begun + number
        ends = line("end", pid, at + 0.9, step, trial)
        lines += [line("begin", pid, at + 0.01, step, trial), ends]
    return lines


def process(pid, ended=50.0, code=0, was_killed=False):
    return Process(
        pid=pid, begun=0, ended=ended, code=code, was_killed=was_killed, last_words="bye"
    )


def row(number, **changes):
    usual = {"state": "COMPLETE", "params": {"x": number}, "value": 0.6, "curve": CURVE}
    return Row(number=number, **(usual | changes))


def event(kind, at, until=None, **facts):
    return Event(kind=kind, at=at, until=at if until is None else until, **facts)


GOOD = Record(
    budget=2,
    planned={},
    grace=6,
    begun=0,
    ended=60,
    in_time=True,
    events=(),
    processes=(process(A), process(B)),
    lines=[*computed(A, 1, 2, begun=1), *computed(B, 1, 2, begun=1, trial=1)],
    rows=(row(0), row(1)),
    seen={0: {"x": 0}},
    reruns={n: Rerun(seed=seed, value=0.6, curve=CURVE) for n, seed in SEED.items()},
)


def broken(**changes):
    return [v.promise for v in judge(replace(GOOD, **changes)) if not v.was_kept]


def of_one_trial(*lines):
    """The lines of the first trial, beside the usual ones of the second."""
    return [*lines, *computed(B, 1, 2, begun=1, trial=1)]


def test_a_good_run_keeps_every_promise():
    assert broken() == []


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({"in_time": False}, "the study ends"),
        ({"planned": {Kind.KILL: 1}}, "all events happened before that"),
        ({"events": (event(Kind.RESET, 9),)}, "all events happened before that"),
        ({"rows": (row(0), row(1), row(2))}, "exactly the budget is finished"),
        ({"rows": (row(0), row(1, state="RUNNING"))}, "no trial runs or waits"),
        ({"rows": (row(0), row(2))}, "the numbers have no gaps"),
        ({"rows": (row(0), row(1, state="FAIL", value=None))}, "no trial is lost"),
        ({"events": (event(Kind.FAIL, 9, trial=1),)}, "no trial is lost"),
        ({"rows": (row(0), row(1, params={"x": 0}))}, "no parameters are lost or tried twice"),
        ({"seen": {5: {}}}, "no parameters are lost or tried twice"),
        ({"seen": {0: {"x": 7}}}, "no parameters are lost or tried twice"),
        ({"lines": computed(A, 1, begun=1, trial=9)}, "no parameters are lost or tried twice"),
        ({"rows": (row(0), row(1, value=0.7))}, "values and curves are those"),
        ({"rows": (row(0), row(1, curve={2: 0.6}))}, "values and curves are those"),
        ({"rows": (row(0), row(1, curve={1: 0.6, 2: 0.6}))}, "values and curves are those"),
        ({"processes": (process(A), process(B, code=1))}, "no worker gives up"),
    ],
)
def test_each_broken_promise_is_found(changes, promise):
    assert any(found.startswith(promise) for found in broken(**changes))


def test_a_trial_that_a_person_failed_is_not_lost():
    failed = (row(0), row(1, state="FAIL", value=None, curve={1: 0.5}))
    assert broken(rows=failed, events=(event(Kind.FAIL, 2.8, trial=1),)) == []


def test_a_trial_that_a_person_failed_must_not_go_on():
    failed = (row(0), row(1, state="FAIL", value=None, curve={1: 0.5}))
    found = broken(rows=failed, events=(event(Kind.FAIL, 1, trial=1),))
    assert found == ["who failed a trial by hand has ended it"]


def test_two_owners_at_once_are_found():
    lines = of_one_trial(*computed(A, 1, 2, begun=1), *computed(B, 2, begun=2.5))
    found = Facts(replace(GOOD, lines=lines))
    assert "no trial runs twice at once" in broken(lines=lines)
    assert [repeat.reason for repeat in found.repeats] == ["nothing"]


def test_a_process_that_was_killed_in_a_step_is_not_two_owners():
    lines = of_one_trial(line("take", A, 1), line("begin", A, 1, 1), *computed(B, 1, 2, begun=8))
    dead = (process(A, ended=1.5, code=-9, was_killed=True), process(B))
    assert broken(lines=lines, processes=dead) == []
    assert "no trial runs twice at once" in broken(lines=lines)  # it lived on


def stopped_at_step_1(*more):
    """A stopped in its first step, B took over, A woke up."""
    slept = [line("take", A, 1), line("begin", A, 1, 1), line("end", A, 12, 1)]
    return {
        "lines": of_one_trial(*slept, *computed(B, 1, 2, begun=11), *more),
        "events": (event(Kind.STOP, 1.5, 11.9, pid=A, seed=100),),
    }


def test_who_was_stopped_may_finish_the_step_that_it_was_in():
    changes = stopped_at_step_1()
    assert broken(**changes) == []
    assert [repeat.reason for repeat in Facts(replace(GOOD, **changes)).repeats] == ["stop"]


def test_who_was_stopped_may_not_go_on():
    found = broken(**stopped_at_step_1(line("begin", A, 12.01, 2), line("end", A, 12.9, 2)))
    assert "who has lost a trial does not go on" in found
    assert "no trial runs twice at once" in found


@pytest.mark.parametrize(("lost", "is_excused"), [((2,), True), ((1, 2), False)])
def test_a_kill_costs_one_step_at_most(lost, is_excused):
    killed = {
        "lines": of_one_trial(*computed(A, 1, 2, begun=1), *computed(B, *lost, begun=9)),
        "events": (event(Kind.KILL, 3, pid=A, seed=100),),
        "processes": (process(A, ended=3, code=-9, was_killed=True), process(B)),
    }
    expected = [] if is_excused else ["no finished step is computed again"]
    assert broken(**killed) == expected


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((event(Kind.STALL, 2, 4),), "cut"),
        ((event(Kind.STOP, 3.1, 8, pid=A),), "stop"),  # just after the step
        ((event(Kind.STOP, 6.1, 8, pid=A),), "nothing"),  # it had told long before
        ((event(Kind.UNWRITABLE, 2, 4, trial=0),), "unwritable"),
        ((event(Kind.CRASH, 2, 4),), "nothing"),
        ((event(Kind.KILL, 9.5, pid=A),), "nothing"),  # later
    ],
)
def test_a_repeated_step_has_a_reason(events, reason):
    lines = of_one_trial(*computed(A, 1, 2, begun=1), *computed(B, 2, begun=9))
    (repeat,) = Facts(replace(GOOD, lines=lines, events=events)).repeats
    assert repeat.reason == reason
    assert (repeat.loser, repeat.owner) == ((A, A), (B, B))


def test_who_did_not_have_a_step_any_more_has_not_lost_it():
    first, second = computed(A, 1, begun=1), computed(3, begun=9)
    lines = of_one_trial(*first, *second, line("begin", 3, 9.1, 1), *computed(B, 1, 2, begun=20))
    killed = (event(Kind.KILL, 2, pid=A, seed=100),)
    dead = (process(A, ended=2, code=-9, was_killed=True), process(3, ended=10, code=1), process(B))
    (repeat,) = Facts(replace(GOOD, lines=lines, events=killed, processes=dead)).repeats
    assert (repeat.reason, repeat.loser) == ("kill", (A, A))


def test_a_worker_that_gave_up_excuses_no_step():
    lines = of_one_trial(*computed(A, 1, 2, begun=1), *computed(B, 2, begun=9))
    found = broken(lines=lines, processes=(process(A, ended=3, code=1), process(B)))
    assert found == ["no finished step is computed again", "no worker gives up"]


def test_the_same_seed_plans_the_same():
    assert plan(1, ALL) == plan(1, ALL) != plan(2, ALL)
    assert counted(plan(1, ALL)) == ALL
    shares = [planned.share for planned in plan(1, ALL)]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1
