"""What a budget lets trials do, step by step."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from optuna.trial import TrialState, create_trial

from hpo.definition import Budget
from hpo.storage.keys import GRANTED, PAUSED, RUNS
from hpo.study import Account, Ladder
from hpo.study.ladder import rungs

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL
RUNNING, WAITING = TrialState.RUNNING, TrialState.WAITING
START = datetime(2026, 1, 1)
PLAIN, HALVING = Ladder(range(1, 28)), Ladder(range(1, 28), rungs(1, 3, 27))


def trial(state, steps=0, value=None, ended=None, began=0, **attrs):
    """A trial that has reported so many steps; times are minutes."""
    made = create_trial(
        state=state,
        value=0.5 if state is COMPLETE and value is None else value,
        intermediate_values=dict.fromkeys(range(1, steps + 1), 0.5),
        system_attrs=attrs,
    )
    made.datetime_start = START + timedelta(minutes=began)
    made.datetime_complete = None if ended is None else START + timedelta(minutes=ended)
    return made


def account(*trials, ladder=PLAIN, direction="maximize", **budget):
    for number, one in enumerate(trials):
        one.number = number
    limits = Budget(**budget)
    return Account(budget=limits, ladder=ladder, direction=direction, trials=trials, now=START)


def test_a_trial_begins_where_all_that_run_can_climb_to_the_end_beside_it():
    runs = trial(RUNNING, 7)
    assert account(runs, trial(COMPLETE, 27), steps=27 + 27 + 27).may_begin
    assert not account(runs, trial(COMPLETE, 27), steps=27 + 27 + 26).may_begin


def test_what_a_pruned_trial_has_not_climbed_is_free_again():
    done = trial(COMPLETE, 27)
    assert account(trial(PRUNED, 7), done, steps=27 + 7 + 27).may_begin
    assert not account(trial(PRUNED, 7), done, steps=27 + 7 + 26).may_begin


def test_with_rungs_only_the_steps_to_the_next_one_are_granted():
    found = [trial(COMPLETE, 27), trial(RUNNING, 1, **{GRANTED: 3})]
    assert account(*found, steps=27 + 3 + 1, ladder=HALVING).may_begin
    assert not account(*found, steps=27 + 3, ladder=HALVING).may_begin


def test_a_trial_at_a_rung_holds_nothing_until_it_has_asked():
    found = [trial(COMPLETE, 27), trial(RUNNING, 3, **{GRANTED: 3})]
    assert account(*found, steps=27 + 3 + 1, ladder=HALVING).may_begin
    assert account(*found, steps=27 + 9, ladder=HALVING).may_climb(found[1])
    assert not account(*found, steps=27 + 8, ladder=HALVING).may_climb(found[1])


def test_before_the_first_result_one_trial_can_always_climb_all_the_way():
    paused = [trial(WAITING, 3, **{PAUSED: 3}), trial(WAITING, 1, **{PAUSED: 1})]
    assert account(*paused, steps=4 + 24 + 1, ladder=HALVING).may_begin
    assert not account(*paused, steps=4 + 24, ladder=HALVING).may_begin
    assert account(*paused, steps=4 + 24, ladder=HALVING).has_steps_for(paused[0])
    assert account(trial(COMPLETE, 0), *paused, steps=4 + 1, ladder=HALVING).may_begin


def test_a_target_that_is_reached_ends_the_search():
    found = [trial(COMPLETE, value=0.9)]
    assert account(*found, trials=9, target=0.91).may_begin
    assert not account(*found, trials=9, target=0.9).may_begin
    assert account(*found, trials=9, target=0.89, direction="minimize").may_begin
    assert not account(*found, trials=9, target=0.9, direction="minimize").may_begin
    assert account(trial(PRUNED, value=0.99), trials=9, target=0.9).may_begin  # not a result


def test_patience_ends_with_so_many_trials_in_vain_after_the_best():
    best = trial(COMPLETE, value=0.9, began=5, ended=9)
    before = [trial(COMPLETE, value=0.8, began=n, ended=n + 3) for n in range(3)]
    beside = trial(PRUNED, began=8, ended=12)
    after = [
        trial(COMPLETE, value=0.85, began=10, ended=12),
        trial(PRUNED, began=11, ended=12),
        trial(WAITING, began=11, **{PAUSED: 1}),
    ]
    found = [*before, best, beside, *after, trial(RUNNING, began=12)]
    assert account(*found, trials=99, patience=4).may_begin
    assert not account(*found, trials=99, patience=3).may_begin
    assert account(*before, trials=99, patience=4).may_begin


def test_a_trial_that_was_handed_back_was_not_in_vain_yet():
    best, vain = trial(COMPLETE, 27, ended=1), trial(PRUNED, 3, began=2)
    assert account(best, vain, trial(WAITING, 3, began=2), trials=9, patience=2).may_begin
    at_rung = trial(WAITING, 3, began=2, **{PAUSED: 3})
    assert not account(best, vain, at_rung, trials=9, patience=2).may_begin


def test_a_trial_that_went_on_after_the_best_had_ended_did_not_begin_after_it():
    best, went_on = trial(COMPLETE, 27, ended=10), trial(PRUNED, 9, began=12, ended=21)
    times = [(START + timedelta(minutes=m)).timestamp() for m in (5, 9, 12, 21)]
    parts = [times[:2], times[2:]]
    went_on.set_user_attr(RUNS, parts)
    assert account(best, went_on, trials=9, patience=1).may_begin
    went_on.set_user_attr(RUNS, parts[1:])
    assert not account(best, went_on, trials=9, patience=1).may_begin


def test_a_budget_without_a_practical_end_leaves_a_time_that_can_be_said():
    found = account(trial(PRUNED, 1, ended=60), trials=10**15)
    assert found.time_left > timedelta(days=36500)


@pytest.mark.parametrize("changed", [datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1)], ids=str)
@pytest.mark.usefixtures("in_berlin")
def test_a_change_of_the_clocks_takes_no_time_and_adds_none(changed):
    began = changed.replace(tzinfo=UTC).timestamp() - 600
    one = trial(PRUNED, 1)
    one.set_user_attr(RUNS, [[began, began + 1200]])
    assert account(one, trials=2).worked == timedelta(minutes=20)


@pytest.mark.usefixtures("in_berlin")
def test_patience_is_not_changed_by_a_change_of_the_clocks():
    def local(hours):
        return datetime(2026, 10, 24, 23, tzinfo=UTC).astimezone() + timedelta(hours=hours)

    best, vain = trial(COMPLETE, 27), trial(PRUNED, 3)
    before, after = (datetime.fromtimestamp(local(h).timestamp()) for h in (1.5, 2.2))
    assert after < before  # as clocks show it
    best.datetime_complete, vain.datetime_start = before, after
    assert not account(best, vain, trials=9, patience=1).may_begin


def test_the_time_in_which_a_dead_worker_was_silent_is_no_work():
    alive, dead = trial(RUNNING, 1), trial(RUNNING, 1)
    heard = (START + timedelta(minutes=2)).timestamp()
    of_both = replace(account(alive, dead, wall_time="3m"), now=START + timedelta(minutes=5))
    assert of_both.worked == timedelta(minutes=5)
    assert replace(of_both, silent={0: heard, 1: heard}).worked == timedelta(minutes=2)
    assert of_both.is_spent
    assert not replace(of_both, silent={0: heard, 1: heard}).is_spent


def test_steps_are_spent_when_no_trial_could_begin_once_all_have_ended():
    failed, paused = trial(FAIL, 5), trial(WAITING, 9, **{PAUSED: 9})
    assert account(failed, steps=5 + 26).is_closed  # no result yet, and none could come of it
    assert not account(failed, steps=5 + 27).is_closed
    assert account(failed, trial(COMPLETE, 27), steps=32, ladder=HALVING).is_closed
    assert not account(failed, trial(COMPLETE, 27), steps=32 + 1, ladder=HALVING).is_closed
    assert account(failed, paused, steps=14 + 18, ladder=HALVING).is_closed
    assert not account(failed, paused, steps=14 + 19, ladder=HALVING).is_closed
    runs = trial(RUNNING, 5)  # it may end early
    assert not account(failed, runs, steps=10 + 27).is_closed
    assert account(failed, runs, steps=10 + 26).is_closed


def test_a_study_is_finished_when_nothing_can_begin_and_nothing_is_left():
    assert not account(trials=1).is_finished
    assert not account(trial(RUNNING), trials=1).is_finished
    assert not account(trial(WAITING, 1, **{PAUSED: 1}), trials=1).is_finished
    assert account(trial(FAIL), trials=1).is_finished
    assert account(trial(COMPLETE, 27), steps=53).is_finished
    assert not account(trial(COMPLETE, 27), steps=54).is_finished


class Workers:
    """Four workers that begin, climb, wait and prune at random, as the account lets them."""

    def __init__(self, ladder, seed):
        self.ladder, self.rng = ladder, random.Random(seed)
        self.steps = self.rng.randint(27, 200)
        self.trials = []

    @property
    def account(self):
        return account(*self.trials, steps=self.steps, ladder=self.ladder)

    def those(self, state):
        return [one for one in self.trials if one.state is state]

    def do_something(self):
        running, paused = self.those(RUNNING), self.those(WAITING)
        if running and self.rng.random() < 0.8:
            self.climb(self.rng.choice(running))
        elif paused and self.rng.random() < 0.5:
            one = self.rng.choice(paused)
            if self.account.may_climb(one):
                self.take(one)
        elif len(running) < 4 and self.account.may_begin:
            self.trials.append(trial(RUNNING, **{GRANTED: self.account.grant(None)}))

    def complete_the_furthest(self):
        unfinished = [one for one in self.trials if not one.state.is_finished()]
        one = max(unfinished, key=lambda t: (t.state is RUNNING, len(t.intermediate_values)))
        if one.state is WAITING:
            assert self.account.has_steps_for(one)
            self.take(one)
        self.climb(one)

    def take(self, one):
        one.system_attrs.update({GRANTED: self.account.grant(one), PAUSED: None})
        one.state = RUNNING

    def climb(self, one):
        height = len(one.intermediate_values)
        if height == one.system_attrs[GRANTED]:
            if self.rng.random() < 0.5 or not self.account.may_climb(one):
                one.state, one.system_attrs[PAUSED] = WAITING, height
                return
            one.system_attrs[GRANTED] = self.ladder.landing(height)
        one.intermediate_values[height + 1] = 0.5
        if height + 1 == self.ladder.last:
            one.state, one.value = COMPLETE, 0.5
        elif self.ladder is PLAIN and self.rng.random() < 0.1:
            one.state, one.value = PRUNED, 0.5


@pytest.mark.parametrize("ladder", [PLAIN, HALVING], ids=["plain", "halving"])
@pytest.mark.parametrize("seed", range(20))
def test_no_order_of_events_takes_more_steps_than_there_are(ladder, seed):
    workers = Workers(ladder, seed)
    for _ in range(2000):
        workers.do_something()
        assert workers.account.steps <= workers.steps
    while ladder is HALVING and not workers.account.completed:
        workers.complete_the_furthest()
        assert workers.account.steps <= workers.steps
