from datetime import datetime, timedelta

import pytest
from optuna.trial import TrialState, create_trial

from hpo.cost import cost
from hpo.definition import parse
from hpo.wording import cost_rows


def cost_of(content, trials=()):
    return cost(parse(content, "my.toml"), trials)


def trial(steps, minutes=1, state=TrialState.COMPLETE):
    value = 0.5 if state is TrialState.COMPLETE else None
    made = create_trial(state=state, value=value, intermediate_values=dict.fromkeys(steps, 0.5))
    made.datetime_start = datetime(2024, 1, 1)
    made.datetime_complete = datetime(2024, 1, 1) + timedelta(minutes=minutes)
    return made


def test_the_grid_of_choices_is_their_product_times_folds_and_epochs(cnn_content):
    found = cost_of(cnn_content)
    assert (found.grid_points, found.grid, found.unit) == (36, 1800, "epochs")


def test_each_number_of_epochs_costs_its_own(cnn_content):
    del cnn_content["fixed"]["epochs"]
    cnn_content["space"]["epochs"] = [10, 20, 50]
    found = cost_of(cnn_content)
    assert (found.grid_points, found.grid) == (36 * 3, 36 * 5 * 80)


def test_a_range_counts_five_levels(cnn_content):
    del cnn_content["fixed"]["dropout"]
    cnn_content["space"]["dropout"] = {"low": 0.0, "high": 0.6}
    assert cost_of(cnn_content).grid_points == 36 * 5


@pytest.mark.parametrize(
    ("bounds", "levels"),
    [
        ({"low": 1, "high": 1}, 1),
        ({"low": 1, "high": 3}, 3),
        ({"low": 1, "high": 5}, 5),
        ({"low": 1, "high": 100}, 5),
        ({"low": 1, "high": 3, "log": True}, 3),
        ({"low": 1, "high": 1000, "log": True}, 5),
        ({"low": 32, "high": 128, "step": 32}, 4),
        ({"low": 2, "high": 200, "step": 2}, 5),
    ],
    ids=str,
)
def test_levels_of_whole_numbers(content, bounds, levels):
    content["space"] = {**content["space"], "components": bounds, "kernel": ["linear", "rbf"]}
    # 2 whitening * 5 C * (1 for linear + 5 gamma for rbf)
    assert cost_of(content).grid_points == levels * 2 * 5 * 6


@pytest.mark.parametrize(
    ("bounds", "levels"),
    [
        ({"low": 0.1, "high": 0.1}, 1),
        ({"low": 0.1, "high": 0.1, "log": True}, 1),
        ({"low": 0.1, "high": 1000, "log": True}, 5),
        ({"low": 0.2, "high": 0.8, "step": 0.2}, 4),
        ({"low": 0.3, "high": 0.6, "step": 0.1}, 4),  # 0.3 / 0.1 is below 3
        ({"low": 0.1, "high": 1, "step": 0.1}, 5),
    ],
    ids=str,
)
def test_levels_of_numbers(content, bounds, levels):
    content["space"]["C"] = bounds
    assert cost_of(content).grid_points == 5 * 2 * levels * 6


def test_whole_epochs_of_a_range_cost_their_own(cnn_content):
    del cnn_content["fixed"]["epochs"]
    cnn_content["space"] = {"epochs": {"low": 1, "high": 9}}
    cnn_content["fixed"] |= {
        "optimizer": "adam",
        "batch_size": 32,
        "init": "normal",
        "activation": "relu",
    }
    found = cost_of(cnn_content)
    assert (found.grid_points, found.grid) == (5, 5 * (1 + 3 + 5 + 7 + 9))


@pytest.mark.parametrize(
    ("kernels", "points"),
    [(["linear"], 1), (["rbf"], 3), (["rbf", "linear"], 4), (["rbf", "poly", "linear"], 7)],
    ids=str,
)
def test_a_parameter_without_a_meaning_does_not_multiply(content, kernels, points):
    content["space"] = {"C": [1, 10], "kernel": kernels, "gamma": [0.1, 0.2, "scale"]}
    content["fixed"] = {"components": 3, "whiten": False}
    if kernels == ["linear"]:
        del content["space"]["gamma"]
    assert cost_of(content).grid_points == 2 * points


def test_a_fixed_condition_counts_as_well(content):
    content["space"] = {"C": [1, 10], "gamma": [0.1, 0.2, 0.3]}
    content["fixed"] = {"components": 3, "whiten": False, "kernel": "poly"}
    assert cost_of(content).grid_points == 6


def test_a_grid_of_fits_costs_one_a_fold(content):
    content["evaluation"] = {"folds": 4}
    content["space"] = {"C": [1, 10, 100]}
    content["fixed"] = {"components": 3, "whiten": False, "kernel": "linear"}
    found = cost_of(content)
    assert (found.grid_points, found.grid, found.unit) == (3, 12, "fits")


def test_what_is_spent_is_what_the_trials_climbed(cnn_content):
    trials = [trial(range(1, 51)), trial(range(1, 4), state=TrialState.PRUNED)]
    found = cost_of(cnn_content, trials)
    assert found.spent == 53
    assert found.spent_time == timedelta(minutes=2)


def test_a_smaller_sample_is_a_part_of_a_fit(content):
    content["evaluation"] = {"folds": 2}
    trials = [trial([1, 3, 9, 18]), trial([1, 3], state=TrialState.PRUNED)]
    assert cost_of(content, trials).spent == pytest.approx(2 + 2 * (1 / 9 + 3 / 9))


def test_the_grid_s_time_is_its_work_at_the_pace_of_the_trials(cnn_content):
    found = cost_of(cnn_content, [trial(range(1, 51), minutes=10)])
    assert found.grid_seconds == 600 * 1800 / 50


def test_before_the_first_step_nothing_is_known_of_time(cnn_content):
    waiting = create_trial(state=TrialState.WAITING)
    found = cost_of(cnn_content, [waiting])
    assert (found.spent, found.spent_time, found.grid_seconds) == (0, timedelta(), 0)


def test_the_grid_of_a_wide_space_may_take_longer_than_any_calendar_knows(cnn_content):
    share, count = {"low": 0.0, "high": 0.9}, {"low": 1, "high": 100}
    cnn_content["fixed"] = {"epochs": 10}
    cnn_content["space"] |= dict.fromkeys(("dropout", "label_smoothing", "ema", "threshold"), share)
    cnn_content["space"] |= dict.fromkeys(("filters", "dense_units", "blocks"), count)
    cnn_content["space"] |= dict.fromkeys(("rotation", "shift"), share) | {"augmentation": [True]}
    found = cost_of(cnn_content, [trial([1], minutes=60 * 24 * 10)])
    assert found.grid_seconds > timedelta.max.total_seconds()
    assert cost_rows(found)["grid"].startswith(
        "3,515,625,000 epochs at 70,312,500 points, 9.63e+07 years"
    )
