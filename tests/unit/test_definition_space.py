import tomllib

import pytest

from hpo.definition import Bounds, in_toml


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        3,
        0.5,
        1e-05,
        "rbf",
        'a "b" \\ \n é',
        [1, 2],
        ["a", True, 0.5],
        {"low": 1, "high": 2},
    ],
    ids=str,
)
def test_in_toml_writes_what_toml_reads(value):
    assert tomllib.loads(f"value = {in_toml(value)}")["value"] == value


def test_in_toml_writes_bounds_without_what_was_left_out():
    assert in_toml(Bounds(low=1, high=10)) == "{ low = 1, high = 10 }"
    assert in_toml(Bounds(low=1, high=10, log=True)) == "{ low = 1, high = 10, log = true }"


def test_bounds_may_be_a_single_value():
    assert Bounds(low=3, high=3).low == 3


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        ({"low": 1, "high": 9}, [1, 9, 2.5], [0.999, 9.001, float("nan"), "3", True, None, [3]]),
        ({"low": 2, "high": 10, "step": 4}, [2, 6, 10], [3, 4, 14, -2]),
        ({"low": 0.1, "high": 0.7, "step": 0.2}, [0.1, 0.3, 0.1 + 0.2, 0.5], [0.2, 0.31]),
        ({"low": -1e308, "high": 1e308}, [0, 1e308], [10**400]),
    ],
)
def test_bounds_contain_what_a_trial_may_get(bounds, inside, outside):
    assert [value for value in inside if value not in Bounds(**bounds)] == []
    assert [value for value in outside if value in Bounds(**bounds)] == []
