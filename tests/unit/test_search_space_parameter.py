from dataclasses import dataclass
from typing import Literal

import pytest

from hpo.search_space import AT_LEAST_ONE, POSITIVE, SHARE, Limit, OnlyIf, parameters_of


@dataclass(frozen=True, kw_only=True)
class Params:
    depth: int
    rate: float
    bagged: bool
    width: Literal[8, 16]
    level: Literal[0, 1]
    growth: float | Literal["auto"] = "auto"
    trees: int = 100


LIMITS = {"depth": AT_LEAST_ONE, "rate": POSITIVE}
PARAMETERS = parameters_of(Params, LIMITS, {"trees": OnlyIf("bagged", (True,))})


def test_parameters_come_in_the_order_of_the_fields():
    assert list(PARAMETERS) == ["depth", "rate", "bagged", "width", "level", "growth", "trees"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 1),
        ("rate", 0.5),
        ("rate", 3),
        ("bagged", True),
        ("bagged", False),
        ("width", 8),
        ("level", 1),
        ("growth", "auto"),
        ("growth", -0.5),
    ],
)
def test_admits(name, value):
    assert PARAMETERS[name].admits(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 0),
        ("depth", 2.5),
        ("depth", 2.0),
        ("depth", True),
        ("depth", "2"),
        ("rate", 0),
        ("rate", True),
        ("bagged", 1),
        ("bagged", "true"),
        ("width", 9),
        ("width", 8.0),
        ("level", True),
        ("growth", "Auto"),
        ("growth", False),
    ],
)
def test_does_not_admit(name, value):
    assert not PARAMETERS[name].admits(value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("depth", "a whole number of 1 or more"),
        ("rate", "a number above 0"),
        ("bagged", "one of [true, false]"),
        ("width", "one of [8, 16]"),
        ("growth", 'a number or one of ["auto"]'),
        ("trees", "a whole number"),
    ],
)
def test_allowed_says_what_it_may_be(name, words):
    assert PARAMETERS[name].allowed == words


def test_only_a_field_without_default_is_required():
    optional = [p.name for p in PARAMETERS.values() if not p.required]
    assert optional == ["growth", "trees"]
    assert PARAMETERS["trees"].default == 100


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [("rate", 3, 3.0), ("depth", 3, 3), ("growth", "auto", "auto"), ("bagged", True, True)],
)
def test_cast_gives_the_declared_type(name, value, result):
    cast = PARAMETERS[name].cast(value)
    assert (cast, type(cast)) == (result, type(result))


def test_has_meaning_only_where_its_condition_holds():
    assert PARAMETERS["trees"].has_meaning({"bagged": True})
    assert not PARAMETERS["trees"].has_meaning({"bagged": False})
    assert PARAMETERS["depth"].has_meaning({})


@pytest.mark.parametrize(
    ("limit", "inside", "outside"),
    [(POSITIVE, 1e-9, 0), (AT_LEAST_ONE, 1, 0.99), (SHARE, 0, 1), (SHARE, 0.99, -0.01)],
)
def test_the_ready_made_limits(limit: Limit, inside, outside):
    assert limit.holds(inside)
    assert not limit.holds(outside)
