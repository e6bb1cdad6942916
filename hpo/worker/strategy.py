"""Optuna's sampler and pruner for those of a definition."""

from hashlib import sha256

from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from hpo.definition import Definition, Pruner, Sampler
from hpo.definition.schema import (
    ASHA,
    QMC,
    TPE,
    GridWalk,
    Halving,
    Hyperband,
    Median,
    NoPruning,
    Percentile,
    RandomSampling,
)
from hpo.search_space import Grid
from hpo.study import Ladder, space_of
from hpo.worker.grid import GridSampler
from hpo.worker.halving import HalvingPruner
from hpo.worker.qmc import NumberedQMCSampler


def sampler(definition: Definition, trial_number: int) -> BaseSampler:
    """Return the sampler that proposes one trial.

    Its seed is derived from the study's seed and the trial's number: with a shared seed all workers
    would propose the same values, and so a study run by one worker can be repeated exactly, also
    across interruptions.
    """
    settings: Sampler = definition.sampler
    digest = sha256(f"{definition.seed} {trial_number}".encode()).digest()
    seed = int.from_bytes(digest[:4])
    match settings:
        case TPE():
            return TPESampler(
                n_startup_trials=settings.n_startup_trials,
                n_ei_candidates=settings.n_ei_candidates,
                seed=seed,
            )
        case QMC():
            return NumberedQMCSampler(
                number=trial_number,
                scramble=settings.scramble,
                seed=definition.seed,  # all workers draw from one sequence
                space=space_of(definition).distributions(),
            )
        case GridWalk():
            return GridSampler(Grid(space_of(definition)), definition.seed)
        case RandomSampling():
            return RandomSampler(seed=seed)


def pruner(settings: Pruner, ladder: Ladder) -> BasePruner:
    """Return the pruner of a study whose trials climb this ladder."""
    match settings:
        case ASHA():
            return SuccessiveHalvingPruner(
                min_resource=settings.min_resource, reduction_factor=settings.reduction_factor
            )
        case Halving():
            return HalvingPruner(rungs=ladder.rungs, factor=settings.reduction_factor)
        case Hyperband():
            # With "auto" each worker would guess another last step.
            return HyperbandPruner(
                min_resource=settings.min_resource,
                max_resource=ladder.last,
                reduction_factor=settings.reduction_factor,
            )
        case Median():
            return MedianPruner(
                n_startup_trials=settings.n_startup_trials,
                n_warmup_steps=settings.n_warmup_steps,
                n_min_trials=settings.n_min_trials,
            )
        case Percentile():
            return PercentilePruner(
                settings.percentile,
                n_startup_trials=settings.n_startup_trials,
                n_warmup_steps=settings.n_warmup_steps,
                n_min_trials=settings.n_min_trials,
            )
        case NoPruning():
            return NopPruner()
