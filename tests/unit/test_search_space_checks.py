from dataclasses import dataclass
from typing import Literal

import pytest

from hpo.definition import parse
from hpo.errors import DefinitionError
from hpo.models import AT_LEAST_ONE, Model, OnlyIf, resolve
from hpo.search_space import build


def built(content, model=None):
    definition = parse(content, "my.toml")
    model = model or resolve(definition.model, "my.toml")
    return build(definition, model.Params, model.parameters, "my.toml")


def refusal(content, model=None):
    with pytest.raises(DefinitionError) as refused:
        built(content, model)
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("section", ["space", "fixed"])
def test_an_unknown_parameter_is_refused_with_the_known_ones(content, section):
    content[section]["degree"] = [3] if section == "space" else 3
    assert refusal(content) == (
        f"my.toml: {section}.degree: the model svm has no such parameter; "
        "it has components, whiten, kernel, C, gamma, class_weight"
    )


def test_a_missing_parameter_is_refused_with_what_it_may_be(content):
    del content["space"]["C"]
    assert refusal(content) == (
        "my.toml: space.C: is missing; give a number above 0, here or in [fixed]"
    )


def test_a_parameter_with_a_default_may_be_left_out(content):
    del content["space"]["gamma"], content["fixed"]["class_weight"]
    assert "gamma" not in built(content).searched


def test_a_fixed_value_is_as_good_as_a_searched_one(content):
    del content["space"]["C"]
    content["fixed"]["C"] = 3
    assert built(content).fixed["C"] == 3


def test_a_parameter_in_both_sections_is_refused(content):
    content["fixed"]["C"] = 3
    assert refusal(content) == "my.toml: fixed.C: contradicts space.C; leave one of them out"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("space.kernel", ["rbf", "cubic"], '"cubic" is not allowed; it must be one of ["linear", '),
        ("space.kernel", ["rbf", "rbf"], '["rbf", "rbf"] has a choice twice'),
        ("space.C", [1, 10, 1.0], "[1, 10, 1.0] has a choice twice"),
        ("space.whiten", [True, True], "[true, true] has a choice twice"),
        ("space.whiten", [True, 0], "0 is not allowed; it must be one of [true, false]"),
        ("space.whiten", ["true"], '"true" is not allowed; it must be one of [true, false]'),
        ("space.kernel", {"low": 1, "high": 2}, 'takes no bounds; it must be one of ["linear", '),
        ("space.whiten", {"low": 0, "high": 1}, "takes no bounds; it must be one of [true, false]"),
        ("space.C", {"low": 0, "high": 1}, "0 is not allowed; it must be a number above 0"),
        ("space.C", {"low": -2, "high": -1}, "-2 is not allowed; it must be a number above 0"),
        ("space.C", [1, 0], "0 is not allowed; it must be a number above 0"),
        ("space.C", [True], "true is not allowed; it must be a number above 0"),
        ("space.components", {"low": 0, "high": 9}, "0 is not allowed; it must be a whole number"),
        ("space.components", {"low": 1, "high": 9.5}, "9.5 is not allowed; it must be a whole"),
        ("space.components", {"low": 1.5, "high": 9}, "1.5 is not allowed; it must be a whole"),
        ("space.components", {"low": 1, "high": 9, "step": 0.5}, "0.5 is not allowed"),
        (
            "space.components",
            [5, 5.5],
            "5.5 is not allowed; it must be a whole number of 1 or more",
        ),
        ("space.gamma", ["scale", "auto"], '"auto" is not allowed; it must be a number above 0 or'),
        ("fixed.class_weight", "some", '"some" is not allowed; it must be one of ["none", "bal'),
    ],
)
def test_a_value_that_the_parameter_can_not_have_is_refused(content, key, value, problem):
    section, name = key.split(".")
    content[section][name] = value
    assert refusal(content).startswith(f"my.toml: {key}: {problem}")


@pytest.mark.parametrize(
    ("bounds", "problem"),
    [
        ({"low": 0.0, "high": 1}, "1 is not allowed; it must be a number from 0 to below 1"),
        ({"low": -0.1, "high": 0.5}, "-0.1 is not allowed"),
    ],
)
def test_both_ends_of_bounds_must_keep_the_limit(cnn_content, bounds, problem):
    del cnn_content["fixed"]["dropout"]
    cnn_content["space"]["dropout"] = bounds
    assert refusal(cnn_content).startswith(f"my.toml: space.dropout: {problem}")


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("widening", {"low": 1.0, "high": 3.0, "step": 0.5}),
        ("ema", {"low": 0.0, "high": 0.9, "step": 0.3}),
    ],
)
def test_a_step_need_not_keep_the_limit(cnn_content, name, bounds):
    cnn_content["space"][name] = bounds
    assert built(cnn_content).searched[name].step == bounds["step"]


@pytest.mark.parametrize("step", [0, -1])
def test_a_step_leads_upwards(content, step):
    content["space"]["components"] = {"low": 1, "high": 9, "step": step}
    assert refusal(content).endswith(f"step ({step}) is not above 0")


def test_a_fixed_value_must_keep_the_limit(cnn_content):
    cnn_content["fixed"]["dropout"] = 1.0
    assert refusal(cnn_content).startswith("my.toml: fixed.dropout: 1.0 is not allowed")


@pytest.mark.parametrize("where", ["space", "fixed"])
def test_a_parameter_that_can_never_have_a_meaning_is_not_searched(content, where):
    del content["space"]["kernel"]
    content[where]["kernel"] = ["linear"] if where == "space" else "linear"
    assert refusal(content) == (
        'my.toml: space.gamma: contradicts kernel = ["linear"]: it has a meaning only where kernel '
        'is one of ["rbf", "poly", "sigmoid"]'
    )


def test_a_parameter_that_can_never_have_a_meaning_is_not_fixed(content):
    del content["space"]["kernel"], content["space"]["gamma"]
    content["fixed"] |= {"kernel": "linear", "gamma": 0.5}
    assert refusal(content).startswith('my.toml: fixed.gamma: contradicts kernel = ["linear"]')


@dataclass(frozen=True, kw_only=True)
class Forest:
    bagged: bool = False
    trees: int = 10
    mode: Literal["a", "b"] = "a"


FOREST = Model(
    Params=Forest,
    training="none",
    limits={"trees": AT_LEAST_ONE},
    only_if={"trees": OnlyIf("bagged", (True,)), "mode": OnlyIf("trees", (1, 2))},
)


def test_what_a_condition_looks_at_has_its_default_where_it_is_left_out(content):
    content |= {"space": {"trees": [1, 2]}, "fixed": {}}
    assert "contradicts bagged = [false]" in refusal(content, FOREST)


def test_a_condition_on_bounds_is_left_to_the_trials(content):
    content |= {
        "space": {"trees": {"low": 1, "high": 9}, "mode": ["a", "b"]},
        "fixed": {"bagged": True},
    }
    assert set(built(content, FOREST).searched) == {"trees", "mode"}
