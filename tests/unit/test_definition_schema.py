import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from hpo.definition import Bounds, parse


def stored(definition):
    """The definition as it comes back from the database."""
    return parse(json.loads(json.dumps(definition.model_dump(mode="json"))), "study")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1h1m1s", timedelta(hours=1, minutes=1, seconds=1)),
        ("100h5s", timedelta(hours=100, seconds=5)),
    ],
)
def test_a_duration_is_read_and_stays_the_same_when_stored(content, text, length):
    definition = parse({**content, "budget": {"wall_time": text}}, "my.toml")
    assert definition.budget.wall_time == length
    assert stored(definition).budget.wall_time == length


def test_a_definition_is_the_same_after_it_was_stored(definition):
    assert stored(definition) == definition


def test_a_definition_that_uses_everything_is_the_same_after_it_was_stored(content):
    content |= {
        "seed": 2**32 - 1,
        "data": {
            "train": "../rows.csv.gz",
            "label": "digit",
            "shape": [28, 14, 3],
            "range": [0, 1],
            "transposed": True,
        },
        "evaluation": {"folds": 5, "metric": "error_rate"},
        "space": {
            "a": {"low": 0.1, "high": 1, "step": 0.3},
            "b": {"low": 1, "high": 9, "log": True},
            "c": [True, 1, 1.5, "one", "true", "1"],
        },
        "fixed": {"d": True, "e": 1, "f": 1.0, "g": "1"},
        "sampler": {"name": "qmc", "scramble": True},
        "pruner": {"name": "percentile", "percentile": 25},
        "budget": {"trials": 4, "wall_time": "1h30m", "steps": 100},
        "warm_start": {"study": "coarse", "top": 3},
    }
    definition = parse(content, "my.toml")
    again = stored(definition)
    assert again == definition
    # 1, 1.0 and True are equal, so look at how they are written too.
    assert repr(again) == repr(definition)
    assert definition.space["c"] == (True, 1, 1.5, "one", "true", "1")
    assert [type(value) for value in again.fixed.values()] == [bool, int, float, str]


@pytest.mark.parametrize("name", ["tpe", "random", "qmc", "grid"])
def test_each_sampler_needs_no_more_than_its_name(content, name):
    definition = parse({**content, "sampler": {"name": name}}, "my.toml")
    assert definition.sampler.name == name
    assert stored(definition) == definition


@pytest.mark.parametrize("name", ["asha", "halving", "hyperband", "median", "none"])
def test_each_pruner_needs_no_more_than_its_name(content, name):
    definition = parse({**content, "pruner": {"name": name}}, "my.toml")
    assert definition.pruner.name == name
    assert stored(definition) == definition


def test_what_is_left_out_has_a_default(content):
    definition = parse(content, "my.toml")
    assert (definition.sampler.name, definition.pruner.name) == ("tpe", "halving")
    assert (definition.seed, definition.direction) == (0, "maximize")
    assert (definition.data.label, definition.data.shape) == ("last", None)
    assert definition.evaluation.metric == "accuracy"
    assert definition.warm_start is None
    assert parse({**content, "warm_start": {"study": "x"}}, "my.toml").warm_start.top == 5


@pytest.mark.parametrize("budget", [{"trials": 1}, {"steps": 1}, {"wall_time": "1s"}], ids=str)
def test_one_end_of_the_budget_is_enough(content, budget):
    definition = parse({**content, "budget": budget}, "my.toml")
    assert definition.budget.model_dump(mode="json", exclude_none=True) == budget


def test_a_definition_can_not_be_changed(definition):
    with pytest.raises(ValidationError, match="frozen"):
        definition.seed = 3


def test_bounds_keep_whole_numbers_whole(definition):
    bounds = definition.space["components"]
    assert isinstance(bounds, Bounds)
    assert (type(bounds.low), type(bounds.high)) == (int, int)
