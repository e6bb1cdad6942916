from dataclasses import dataclass, fields

import optuna
import pytest
from optuna.samplers import QMCSampler, RandomSampler, TPESampler
from optuna.trial import FixedTrial

from hpo.definition import parse
from hpo.models import Model, OnlyIf, resolve
from hpo.search_space import build

SAMPLERS = {
    "tpe": lambda: TPESampler(seed=1, n_startup_trials=2),
    "random": lambda: RandomSampler(seed=1),
    "qmc": lambda: QMCSampler(seed=1, warn_independent_sampling=False),
}


def space_of(content, model=None):
    definition = parse(content, "my.toml")
    model = model or resolve(definition.model, "my.toml")
    return build(definition, model.Params, model.parameters, "my.toml")


def suggested(space, count=40, sampler="random"):
    """The values of so many live trials, each with the trial as it was stored."""
    study = optuna.create_study(sampler=SAMPLERS[sampler]())
    pairs = []
    for value in range(count):
        trial = study.ask()
        params = space.suggest(trial)
        study.tell(trial, value)
        pairs.append((params, study.trials[-1]))
    return pairs


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_live_finished_and_fixed_trials_give_the_same_values(content, sampler):
    space = space_of(content)
    for params, finished in suggested(space, 15, sampler):
        # The text too: a trial's seed comes from it, and the script is made of it.
        assert repr(space.suggest(finished)) == repr(params)
        assert repr(space.suggest(FixedTrial(finished.params))) == repr(params)


def test_values_that_were_given_to_a_trial_get_their_declared_type(content):
    space = space_of(content)
    given = {"components": 3, "whiten": True, "kernel": "rbf", "C": 10, "gamma": 1}
    study = optuna.create_study()
    study.enqueue_trial(given)
    live = study.ask()
    params = space.suggest(live)
    study.tell(live, 1)
    assert repr(params) == repr(space.suggest(study.trials[0]))
    assert repr(params) == repr(space.suggest(FixedTrial(given)))
    assert (type(params.C), type(params.gamma)) == (float, float)


def test_each_value_has_its_type_and_keeps_its_bounds(content):
    for params, _ in suggested(space_of(content)):
        assert type(params.components) is int
        assert 2 <= params.components <= 6
        assert type(params.whiten) is bool
        assert type(params.C) is float
        assert 1 <= params.C <= 1000
        assert params.kernel in {"rbf", "linear"}


def test_both_ends_of_whole_bounds_occur(content):
    found = {params.components for params, _ in suggested(space_of(content), 100)}
    assert found == {2, 3, 4, 5, 6}


def test_a_log_scale_gives_each_decade_its_share(content):
    found = [params.C for params, _ in suggested(space_of(content), 200)]
    assert 0.2 < sum(C < 10 for C in found) / 200 < 0.5


def test_a_step_is_kept(content):
    content["space"]["components"] = {"low": 2, "high": 10, "step": 4}
    content["space"]["C"] = {"low": 0.5, "high": 2, "step": 0.5}
    found = [params for params, _ in suggested(space_of(content), 60)]
    assert {params.components for params in found} == {2, 6, 10}
    assert {params.C for params in found} == {0.5, 1.0, 1.5, 2.0}


def test_a_log_scale_of_whole_numbers_gives_whole_numbers(content):
    content["space"]["components"] = {"low": 1, "high": 100, "log": True}
    found = [params.components for params, _ in suggested(space_of(content), 100)]
    assert {type(value) for value in found} == {int}
    assert sum(value <= 10 for value in found) > 30


def test_choices_are_given_in_the_declared_type(content):
    content["space"]["C"] = [1, 10]
    content["space"]["gamma"] = ["scale", 1]
    found = [params for params, _ in suggested(space_of(content))]
    assert {repr(params.C) for params in found} == {"1.0", "10.0"}
    assert {repr(params.gamma) for params in found} == {"'scale'", "1.0"}


def test_the_linear_kernel_has_no_gamma(content):
    for params, trial in suggested(space_of(content)):
        assert ("gamma" in trial.params) == (params.kernel == "rbf")
        assert (params.gamma == "scale") == (params.kernel == "linear")


def test_a_fixed_parameter_is_not_asked_for(content):
    del content["space"]["C"]
    content["fixed"]["C"] = 3
    params, trial = suggested(space_of(content), 1)[0]
    assert repr(params.C) == "3.0"
    assert "C" not in trial.params


def test_a_fixed_value_without_a_meaning_is_not_used(content):
    del content["space"]["gamma"]
    content["space"]["kernel"] = ["linear", "rbf"]
    content["fixed"]["gamma"] = 0.5
    tried = [one[0] for one in suggested(space_of(content), 20)]
    assert {(p.kernel, p.gamma) for p in tried} == {("linear", "scale"), ("rbf", 0.5)}


def test_what_is_left_out_has_the_model_s_default(content):
    del content["space"]["gamma"], content["fixed"]["class_weight"]
    params = suggested(space_of(content), 1)[0][0]
    assert (params.gamma, params.class_weight) == ("scale", "none")


@dataclass(frozen=True, kw_only=True)
class Forest:
    bagged: bool = True
    trees: int = 10
    epochs: int = 7


FOREST = Model(Params=Forest, training="none", only_if={"trees": OnlyIf("bagged", (True,))})


def test_a_condition_holds_by_a_default_too(content):
    content |= {"space": {"trees": [3, 4]}, "fixed": {}}
    found = {params.trees for params, _ in suggested(space_of(content, FOREST))}
    assert found == {3, 4}


def test_values_come_as_the_model_s_own_dataclass(content):
    params = suggested(space_of(content), 1)[0][0]
    assert type(params) is resolve("svm", "").Params
    assert len(fields(params)) == 6


@pytest.mark.parametrize(
    ("space", "fixed", "ends"),
    [
        ({"epochs": [10, 50, 20]}, {}, (10, 50)),
        ({"epochs": {"low": 1, "high": 30}}, {}, (1, 30)),
        ({"trees": [1]}, {"epochs": 5}, (5, 5)),
        ({"trees": [1]}, {}, (7, 7)),
    ],
)
def test_lowest_and_highest(content, space, fixed, ends):
    content |= {"space": space, "fixed": fixed}
    found = space_of(content, FOREST)
    assert (found.lowest("epochs"), found.highest("epochs")) == ends


@pytest.mark.parametrize(
    ("space", "fixed", "possible"),
    [
        ({"bagged": [True, False]}, {}, (True, False)),
        ({"trees": [1]}, {"bagged": True}, (True,)),
        ({"trees": [1]}, {}, (True,)),
    ],
)
def test_possible(content, space, fixed, possible):
    content |= {"space": space, "fixed": fixed}
    assert space_of(content, FOREST).possible("bagged") == possible
