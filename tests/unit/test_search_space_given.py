"""What somebody gives to a trial: what it can have, and what is said of the rest."""

from dataclasses import dataclass
from typing import Literal

import optuna
import pytest

from hpo.definition import parse
from hpo.models import Model, OnlyIf, resolve
from hpo.search_space import build, check_values


def space_of(content, model=None):
    definition = parse(content, "my.toml")
    model = model or resolve(definition.model, "my.toml")
    return build(definition, model.Params, model.parameters, "my.toml")


GOOD = {"components": 3, "whiten": True, "kernel": "rbf", "C": 10, "gamma": 1}


def test_what_a_trial_can_have_comes_in_its_declared_type(content):
    found = check_values(space_of(content), GOOD)
    assert found.problems == {}
    assert repr(found.values) == repr({**GOOD, "C": 10.0, "gamma": 1.0})


def test_a_trial_that_has_them_takes_them(content):
    space, study = space_of(content), optuna.create_study()
    study.enqueue_trial(check_values(space, GOOD).values)
    params = space.suggest(study.ask())
    assert repr(params) == repr(space.Params(**{**GOOD, "C": 10.0, "gamma": 1.0}))


def test_what_is_not_given_is_left_open(content):
    found = check_values(space_of(content), {"C": 3.5})
    assert (found.values, found.problems) == ({"C": 3.5}, {})


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"c": 1}, "the model has no such parameter; it has components, whiten, kernel, C, gamma"),
        ({"class_weight": "none"}, 'this study does not search it: it is fixed at "none"'),
        ({"components": 1}, "is not in the space of this study: { low = 2, high = 6 }"),
        ({"components": 7}, "is not in the space of this study: { low = 2, high = 6 }"),
        ({"components": 0}, "is not allowed; it must be a whole number of 1 or more"),
        ({"components": 3.0}, "is not allowed; it must be a whole number"),
        ({"components": "3"}, "is not allowed; it must be a whole number"),
        ({"components": True}, "is not allowed; it must be a whole number"),
        ({"whiten": "True"}, "is not allowed; it must be one of [true, false]"),
        ({"whiten": 1}, "is not allowed; it must be one of [true, false]"),
        ({"kernel": "poly"}, 'is not in the space of this study: ["rbf", "linear"]'),
        ({"kernel": "best"}, 'is not allowed; it must be one of ["linear", "rbf", "poly"'),
        ({"C": 0.5}, "is not in the space of this study: { low = 1, high = 1000, log = true }"),
        ({"C": -1.0}, "is not allowed; it must be a number above 0"),
        ({"C": float("nan")}, "nan is neither a finite number, a text nor true or false"),
        ({"C": 10**400}, "is neither a finite number"),
        ({"C": [1, 2]}, "[1, 2] is neither a finite number, a text nor true or false"),
        ({"kernel": "rbf", "gamma": "scale"}, "is not in the space of this study: { low = 0.001"),
    ],
    ids=str,
)
def test_a_value_that_no_trial_can_have_is_named_with_what_it_could_be(content, given, problem):
    *_, name = given
    found = check_values(space_of(content), given)
    assert [*found.problems] == [name]
    assert problem in found.problems[name]
    assert name not in found.values


def test_a_value_beside_the_steps_is_refused(content):
    content["space"]["components"] = {"low": 2, "high": 10, "step": 4}
    content["space"]["C"] = {"low": 0.5, "high": 2, "step": 0.5}
    assert check_values(space_of(content), {"components": 6, "C": 1.5}).problems == {}
    assert [*check_values(space_of(content), {"components": 5, "C": 1.6}).problems] == [
        "components",
        "C",
    ]


def test_choices_are_compared_in_the_declared_type(content):
    content["space"]["C"] = [1, 10]
    found = check_values(space_of(content), {"C": 10})
    assert repr(found.values) == "{'C': 10.0}"
    assert [*check_values(space_of(content), {"C": 5}).problems] == ["C"]


def test_what_is_neither_searched_nor_fixed_keeps_its_default(content):
    del content["fixed"]["class_weight"]
    found = check_values(space_of(content), {"class_weight": "balanced"})
    assert found.problems == {"class_weight": 'this study does not search it: it is always "none"'}


RULE = 'has a meaning only where kernel is one of ["rbf", "poly", "sigmoid"]; '


def test_a_value_without_a_meaning_is_refused(content):
    found = check_values(space_of(content), {"kernel": "linear", "gamma": 0.5})
    assert found.problems == {"gamma": RULE + 'here it is "linear"'}
    assert found.values == {"kernel": "linear"}


def test_a_value_that_may_turn_out_without_a_meaning_is_refused(content):
    assert check_values(space_of(content), {"gamma": 0.5}).problems == {
        "gamma": RULE + "give kernel, too"
    }


def test_a_value_that_has_a_meaning_whatever_is_proposed_is_taken(content):
    content["space"]["kernel"] = ["rbf", "poly"]
    assert check_values(space_of(content), {"gamma": 0.5}).values == {"gamma": 0.5}
    del content["space"]["kernel"]
    content["fixed"]["kernel"] = "rbf"
    assert check_values(space_of(content), {"gamma": 0.5}).values == {"gamma": 0.5}


@dataclass(frozen=True, kw_only=True)
class Chain:
    layers: int = 1
    dropout: bool = True
    rate: float = 0.5
    kind: Literal["plain", "spatial"] = "plain"


CHAIN = Model(
    Params=Chain,
    training="none",
    only_if={
        "dropout": OnlyIf("layers", (2, 3)),
        "rate": OnlyIf("dropout", (True,)),
        "kind": OnlyIf("rate", (0.5,)),
    },
)


def test_conditions_build_on_each_other(content):
    content |= {
        "space": {
            "layers": {"low": 1, "high": 3},
            "rate": {"low": 0.0, "high": 0.9},
            "kind": ["plain", "spatial"],
        },
        "fixed": {},
    }
    space = space_of(content, CHAIN)
    everything = {"layers": 2, "rate": 0.5, "kind": "spatial"}
    assert check_values(space, everything).values == everything
    assert check_values(space, {**everything, "layers": 1}).values == {"layers": 1}
    assert check_values(space, {**everything, "rate": 0.25}).values == {"layers": 2, "rate": 0.25}
    found = check_values(space, {"layers": 1, "kind": "spatial"})
    assert found.problems["kind"].endswith("rate is one of [0.5]; here it is nothing")
    found = check_values(space, {"rate": 0.5})
    assert found.problems["rate"].endswith("dropout is one of [true]; give dropout, too")
