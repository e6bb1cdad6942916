import tomllib

import pytest

from hpo.definition import Bounds, in_toml


@pytest.mark.parametrize(
    "value",
    [True, False, 3, 0.5, 1e-05, "rbf", [1, 2], ["a", True, 0.5], {"low": 1, "high": 2}],
    ids=str,
)
def test_in_toml_writes_what_toml_reads(value):
    assert tomllib.loads(f"value = {in_toml(value)}")["value"] == value


def test_in_toml_writes_bounds_without_what_was_left_out():
    assert in_toml(Bounds(low=1, high=10)) == "{ low = 1, high = 10 }"
    assert in_toml(Bounds(low=1, high=10, log=True)) == "{ low = 1, high = 10, log = true }"


def test_bounds_may_be_a_single_value():
    assert Bounds(low=3, high=3).low == 3
