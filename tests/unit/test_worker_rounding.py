import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import QMCSampler, RandomSampler, TPESampler
from optuna.trial import create_trial

from hpo.worker.proposal import Proposal
from hpo.worker.rounding import rounded


@pytest.mark.parametrize(
    ("value", "expected"), [(0.001304453543508621, 0.001304), (123456.7, 123500.0), (0.5, 0.5)]
)
def test_numbers_have_four_digits(value, expected):
    assert rounded(value, FloatDistribution(1e-4, 1e6, log=True)) == expected


@pytest.mark.parametrize(("value", "expected"), [(0.123441, 0.12344), (0.123459, 0.123459)])
def test_a_number_stays_between_its_bounds(value, expected):
    low, high = (0.12344, 0.2) if expected == 0.12344 else (0.1, 0.123459)
    assert rounded(value, FloatDistribution(low, high)) == expected


def test_numbers_of_a_narrow_range_stay_apart():
    momentum = FloatDistribution(0.999, 0.9999)
    assert rounded(0.99934567, momentum) == 0.999346
    draws = np.random.default_rng(0).uniform(0.999, 0.9999, 1000)
    assert len({rounded(value, momentum) for value in draws}) > 500


def test_steps_and_whole_numbers_stay_as_they_are():
    assert rounded(0.123456, FloatDistribution(0, 1, step=0.000001)) == 0.123456
    assert rounded(123456, IntDistribution(1, 1_000_000)) == 123456


INNER = {
    "random": lambda: RandomSampler(seed=1),
    "tpe": lambda: TPESampler(seed=1, n_startup_trials=3),
    "qmc": lambda: QMCSampler(seed=1, warn_independent_sampling=False),
}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("inner", INNER)
def test_every_proposal_is_stored_as_it_is_used(inner):
    study = optuna.create_study(sampler=INNER[inner]())
    space = {"a": FloatDistribution(1e-5, 1, log=True), "b": FloatDistribution(0, 1)}
    for _ in range(12):
        study.ask()
        proposal = Proposal(study, study.trials[-1], study.sampler)
        used = {
            "a": proposal.suggest_float("a", 1e-5, 1, log=True),
            "b": proposal.suggest_float("b", 0, 1),
        }
        assert {name: stored for name, (stored, _) in proposal.new.items()} == used
        assert all(value == float(f"{value:.4g}") for value in used.values())
        study.add_trial(create_trial(params=used, distributions=space, value=sum(used.values())))
