import optuna
import pytest
from optuna.pruners import (
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import RandomSampler, TPESampler

from hpo.definition import parse
from hpo.study import ladder_of, space_of
from hpo.worker.halving import HalvingPruner
from hpo.worker.qmc import NumberedQMCSampler
from hpo.worker.strategy import pruner, sampler

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def proposal(definition, number):
    """What a fresh sampler proposes for the trial of this number."""
    study = optuna.create_study(sampler=sampler(definition, number))
    return study.ask().suggest_float("C", 0.001, 1.001)


def with_sampler(content, seed=0, **options):
    return parse({**content, "seed": seed, "sampler": options}, "my.toml")


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_each_trial_has_its_own_proposals_and_they_repeat(content, name):
    definition = with_sampler(content, name=name)
    proposals = [proposal(definition, number) for number in range(5)]
    assert len(set(proposals)) == 5
    assert [proposal(definition, number) for number in range(5)] == proposals


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_another_study_seed_gives_other_proposals(content, name):
    first, second = (with_sampler(content, seed=seed, name=name) for seed in (0, 1))
    assert proposal(first, 0) != proposal(second, 0)


@pytest.mark.parametrize(
    ("name", "kind"), [("tpe", TPESampler), ("random", RandomSampler), ("qmc", NumberedQMCSampler)]
)
def test_each_sampler_is_optuna_s(content, name, kind):
    assert type(sampler(with_sampler(content, name=name), 0)) is kind


def test_tpe_has_the_options_of_the_definition(content):
    definition = with_sampler(content, name="tpe", n_startup_trials=3, n_ei_candidates=7)
    made = sampler(definition, 0)
    assert (made._n_startup_trials, made._n_ei_candidates) == (3, 7)


def test_qmc_draws_the_point_of_a_trial_s_number_whoever_asks_first(content):
    content["space"]["C"] = {"low": 0.001, "high": 1.001}
    definition = with_sampler(content, seed=5, name="qmc", scramble=True)
    drawn = {number: proposal(definition, number) for number in range(8)}
    backwards = {number: proposal(definition, number) for number in range(7, -1, -1)}
    assert drawn == backwards
    eighths = sorted(int(8 * (value - 0.001)) for value in drawn.values())
    assert eighths == [*range(8)]


def test_a_point_does_not_depend_on_what_the_first_trial_had(content):
    definition = with_sampler(content, name="qmc")
    space = space_of(definition)

    def drawn_after(kernel):
        study = optuna.create_study()
        study.enqueue_trial({"kernel": kernel})
        for number in range(9):
            study.sampler = sampler(definition, number)
            trial = study.ask()
            space.suggest(trial)
            study.tell(trial, 0.0)
        return [trial.params for trial in study.trials[1:]]

    drawn = drawn_after("linear")  # without gamma
    assert drawn == drawn_after("rbf")
    assert len({params["gamma"] for params in drawn if "gamma" in params}) > 2


def test_a_point_does_not_depend_on_the_order_of_the_keys(content):
    backwards = {**content, "space": dict(reversed(content["space"].items()))}
    one, other = (
        sampler(with_sampler(given, name="qmc"), 5).infer_relative_search_space(None, None)
        for given in (content, backwards)
    )
    assert [*one] == [*other]


def made_pruner(content, last_step=81, **options):
    settings = parse({**content, "pruner": options}, "my.toml").pruner
    return pruner(settings, ladder_of(settings, range(1, last_step + 1)))


def test_asha(content):
    made = made_pruner(content, name="asha", min_resource=2, reduction_factor=4)
    assert type(made) is SuccessiveHalvingPruner
    assert (made._min_resource, made._reduction_factor) == (2, 4)


def test_halving_waits_at_rungs_below_the_last_step(content):
    made = made_pruner(content, name="halving", min_resource=2, reduction_factor=4)
    assert made == HalvingPruner(rungs=(2, 8, 32), factor=4)


def test_a_grid_is_walked_in_another_order_with_another_seed(cnn_content):
    def walk(seed):
        definition = with_sampler(cnn_content, seed=seed, name="grid")
        study = optuna.create_study()
        points = []
        for number in range(36):
            study.sampler = sampler(definition, number)
            params = space_of(definition).suggest(study.ask())
            points.append((params.optimizer, params.batch_size, params.init, params.activation))
        return points

    assert walk(1) == walk(1)
    assert walk(1) != walk(2)
    assert sorted(walk(1)) == sorted(set(walk(2)))


def test_hyperband_knows_the_last_step(content):
    made = made_pruner(content, name="hyperband", min_resource=3, reduction_factor=5)
    assert type(made) is HyperbandPruner
    assert (made._min_resource, made._reduction_factor, made._max_resource) == (3, 5, 81)


def test_median(content):
    made = made_pruner(content, name="median", n_startup_trials=7, n_warmup_steps=8, n_min_trials=9)
    assert type(made) is MedianPruner
    assert (made._n_startup_trials, made._n_warmup_steps, made._n_min_trials) == (7, 8, 9)


def test_percentile(content):
    options = {"n_startup_trials": 7, "n_warmup_steps": 8, "n_min_trials": 9}
    made = made_pruner(content, name="percentile", percentile=30, **options)
    assert type(made) is PercentilePruner
    assert (made._n_startup_trials, made._n_warmup_steps, made._n_min_trials) == (7, 8, 9)
    assert made._percentile == 30


def test_no_pruning(content):
    assert type(made_pruner(content, name="none")) is NopPruner
