import pytest
from optuna._transform import _SearchSpaceTransform as SearchSpaceTransform
from optuna.distributions import FloatDistribution

from hpo.definition import parse
from hpo.errors import DefinitionError
from hpo.models import resolve
from hpo.search_space import Grid, build


def grid_of(content):
    definition = parse(content, "my.toml")
    model = resolve(definition.model, "my.toml")
    return Grid(build(definition, model.Params, model.parameters, "my.toml"))


def points(grid):
    return [tuple(sorted(grid.point(index).items())) for index in range(grid.size)]


def test_every_combination_of_choices_is_one_point(cnn_content):
    found = points(grid_of(cnn_content))
    assert len(found) == len(set(found)) == 36
    for name, choices in cnn_content["space"].items():
        assert {dict(point)[name] for point in found} == set(choices)


def test_a_parameter_without_a_meaning_is_in_no_point(content):
    content["space"] |= {"components": [3], "whiten": [True], "C": [1.0, 10.0]}
    found = [dict(point) for point in points(grid_of(content))]
    assert len(found) == 2 * (1 + 5)  # the linear kernel has no gamma
    assert all(("gamma" in point) == (point["kernel"] == "rbf") for point in found)


def test_levels_are_values_that_a_trial_can_have(content):
    grid = grid_of(content)
    for index in range(grid.size):
        for name, value in grid.point(index).items():
            dimension = grid.space.searched.get(name)
            assert dimension is None or value in dimension


STEPS = [(0.1, 0.3, 0.1), (0.1, 0.7, 0.1), (0.1, 1.1, 0.2), (0.05, 0.35, 0.05), (1.1, 3.3, 1.1)]


@pytest.mark.parametrize(("low", "high", "step"), STEPS)
def test_levels_on_steps_are_those_of_optuna(content, low, high, step):
    space = {"components": [3], "kernel": ["linear"], "C": {"low": low, "high": high, "step": step}}
    grid = grid_of({**content, "space": space, "fixed": {"whiten": False}})
    levels = {grid.point(index)["C"] for index in range(grid.size)}
    assert max(levels) == high
    distribution = FloatDistribution(low, high, step=step)
    transform = SearchSpaceTransform({"C": distribution})
    given = {transform.untransform(transform.transform({"C": level}))["C"] for level in levels}
    assert levels == given


def test_a_wide_space_is_measured_without_being_listed(cnn_content):
    cnn_content["space"] |= {
        name: {"low": 0.1, "high": 0.9} for name in ("learning_rate", "label_smoothing", "ema")
    }
    cnn_content["space"] |= {
        "augmentation": [True, False],
        **{name: {"low": 0.0, "high": 0.5} for name in ("rotation", "shift", "zoom")},
    }
    grid = grid_of(cnn_content)
    assert grid.size == 36 * 5**3 * (5**3 + 1)
    assert grid.point(grid.size - 1)["augmentation"] is False


def test_a_grid_that_is_too_large_to_walk_is_refused(cnn_content):
    wide = {name: {"low": 0.1, "high": 0.9} for name in ("shift", "zoom", "rotation", "ema")}
    wide |= {name: {"low": 0.1, "high": 0.9} for name in ("label_smoothing", "learning_rate")}
    cnn_content["space"] |= wide
    cnn_content["fixed"]["augmentation"] = True
    grid_of({**cnn_content, "sampler": {"name": "random"}})
    cnn_content["space"]["threshold"] = {"low": 0.1, "high": 0.9}
    with pytest.raises(DefinitionError, match=r"sampler.name: the grid has 2,812,500 points"):
        grid_of({**cnn_content, "sampler": {"name": "grid"}})
