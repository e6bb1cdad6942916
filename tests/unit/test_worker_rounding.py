import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import QMCSampler, RandomSampler, TPESampler

from hpo.worker.rounding import RoundedSampler, rounded


@pytest.mark.parametrize(
    ("value", "expected"), [(0.001304453543508621, 0.001304), (123456.7, 123500.0), (0.5, 0.5)]
)
def test_numbers_have_four_digits(value, expected):
    assert rounded(value, FloatDistribution(1e-4, 1e6, log=True)) == expected


@pytest.mark.parametrize(("value", "expected"), [(0.123441, 0.12344), (0.123459, 0.123459)])
def test_a_number_stays_between_its_bounds(value, expected):
    low, high = (0.12344, 0.2) if expected == 0.12344 else (0.1, 0.123459)
    assert rounded(value, FloatDistribution(low, high)) == expected


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
    study = optuna.create_study(sampler=RoundedSampler(INNER[inner]()))
    for _ in range(12):
        trial = study.ask()
        used = trial.suggest_float("a", 1e-5, 1, log=True), trial.suggest_float("b", 0, 1)
        study.tell(trial, sum(used))
        assert tuple(study.trials[-1].params.values()) == used
        assert all(value == float(f"{value:.4g}") for value in used)
