"""The keys of a study definition and their types."""

import math
import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from hpo.definition.section import Section
from hpo.definition.space import Choice, Dimension

Direction = Literal["maximize", "minimize"]


class Metric(StrEnum):
    """What a trial optimizes, on rows held out."""

    ACCURACY = "accuracy"
    BALANCED_ACCURACY = "balanced_accuracy"  # the mean of each class's recall
    F1_MACRO = "f1_macro"
    ERROR_RATE = "error_rate"  # 1 - accuracy

    @property
    def direction(self) -> Direction:
        """Which way it gets better."""
        return "minimize" if self is Metric.ERROR_RATE else "maximize"


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{list(ends)} is not a range; write the smallest value, then the largest")
    return ends


# Not strict: TOML's lists become tuples, and its strings members of an enum.
Pixels = Annotated[int, Field(ge=1)]
Shape = Annotated[tuple[Pixels, Pixels, Pixels], Field(strict=False)]
Range = Annotated[tuple[float, float], Field(strict=False), AfterValidator(_ordered)]


class Data(Section):
    """Where the rows are and how to read them."""

    train: str = Field(min_length=1)
    label: str = "last"  # "first", "last" or a column's name
    shape: Shape | None = None  # height, width, channels; None: rows are not images
    range: Range | None = None  # the smallest and largest allowed value
    transposed: bool = False  # images stored column by column


class Evaluation(Section):
    """How a trial is evaluated: on a share held out, or by k folds, both stratified."""

    holdout: float | None = Field(default=None, gt=0, lt=1)
    folds: int | None = Field(default=None, ge=2)
    metric: Annotated[Metric, Field(strict=False)] = Metric.ACCURACY

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.holdout is None) == (self.folds is None):
            raise ValueError("give either holdout (a share, such as 0.3) or folds (such as 5)")
        return self


class TPE(Section):
    """Optuna's TPESampler, which proposes near good trials."""

    name: Literal["tpe"] = "tpe"
    n_startup_trials: int = Field(default=10, ge=0)
    n_ei_candidates: int = Field(default=24, ge=1)


class RandomSampling(Section):
    """Optuna's RandomSampler."""

    name: Literal["random"]


class QMC(Section):
    """Optuna's QMCSampler: a low-discrepancy sequence, more even than random."""

    name: Literal["qmc"]
    scramble: bool = False


class GridWalk(Section):
    """hpo's own sampler: each point of the exhaustive grid once, in random order."""

    name: Literal["grid"]


Sampler = Annotated[TPE | RandomSampling | QMC | GridWalk, Field(discriminator="name")]


class ASHA(Section):
    """Optuna's SuccessiveHalvingPruner: one in reduction_factor trials passes a rung."""

    name: Literal["asha"]
    min_resource: int = Field(default=3, ge=1)  # from benchmarks/pruners
    reduction_factor: int = Field(default=3, ge=2)


class Halving(Section):
    """hpo's own successive halving: a trial waits at a rung until it is among the best there."""

    name: Literal["halving"] = "halving"
    min_resource: int = Field(default=3, ge=1)  # from benchmarks/pruners
    reduction_factor: int = Field(default=3, ge=2)


class Hyperband(Section):
    """Optuna's HyperbandPruner: several brackets of ASHA that differ in their first rung."""

    name: Literal["hyperband"]
    min_resource: int = Field(default=1, ge=1)
    reduction_factor: int = Field(default=3, ge=2)


class Median(Section):
    """Optuna's MedianPruner: prunes trials that are worse than the median at the same step."""

    name: Literal["median"]
    n_startup_trials: int = Field(default=5, ge=0)
    n_warmup_steps: int = Field(default=0, ge=0)
    n_min_trials: int = Field(default=1, ge=1)


class Percentile(Section):
    """Optuna's PercentilePruner: keeps the best `percentile` of trials at the same step."""

    name: Literal["percentile"]
    percentile: float = Field(gt=0, lt=100)
    n_startup_trials: int = Field(default=5, ge=0)
    n_warmup_steps: int = Field(default=0, ge=0)
    n_min_trials: int = Field(default=1, ge=1)


class NoPruning(Section):
    """Every trial climbs all the way."""

    name: Literal["none"]


Pruner = Annotated[
    ASHA | Halving | Hyperband | Median | Percentile | NoPruning, Field(discriminator="name")
]

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value))
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    try:
        length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError(f"{value!r} is too long") from None
    if not length:
        raise ValueError(f'{value!r} is not a duration; write "2h", "30m", "90s" or "1h30m"')
    return length


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(lambda length: f"{round(length.total_seconds())}s", return_type=str),
]


class Budget(Section):
    """When the study is done: at the first of these limits."""

    trials: int | None = Field(default=None, ge=1)
    wall_time: Duration | None = None  # during which at least one trial runs
    steps: int | None = Field(default=None, ge=1)  # of all trials together
    target: float | None = None  # a result as good as this, or better
    patience: int | None = Field(default=None, ge=1)  # trials after the best one without a better

    @model_validator(mode="after")
    def _some_end(self) -> Self:
        if self.trials is None and self.wall_time is None and self.steps is None:
            raise ValueError(
                "give at least one of trials, wall_time and steps: "
                "target and patience alone may never end it"
            )
        return self


class WarmStart(Section):
    """Another study in the same database, whose best trials are queued first."""

    study: str = Field(min_length=1)
    top: int = Field(default=5, ge=1)


class Pretraining(Section):
    """Training once on other rows, for weights that every trial starts from."""

    train: str = Field(min_length=1)  # rows like those of [data]
    sources: str | None = None  # the sources.npz of `hpo data make`, to check for leaked test rows
    fixed: dict[str, Choice] = Field(default_factory=dict)  # parameters of the pretraining


class Definition(Section):
    """A study definition."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    model: str  # "svm", "cnn" or "package.module:Name"
    seed: int = Field(default=0, ge=0, lt=2**32)  # what NumPy and scikit-learn take
    priority: int = 0  # for workers that serve all studies: the highest comes first
    data: Data
    evaluation: Evaluation
    space: dict[str, Dimension] = Field(min_length=1)
    fixed: dict[str, Choice] = Field(default_factory=dict)
    sampler: Sampler = TPE()
    pruner: Pruner = Halving()
    budget: Budget
    warm_start: WarmStart | None = None
    pretraining: Pretraining | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_direction(cls, content: Any) -> Any:
        # People who know Optuna expect this key.
        if isinstance(content, dict) and "direction" in content:
            raise ValueError(
                'unknown key "direction": evaluation.metric says which way is better; leave it out'
            )
        return content

    @model_validator(mode="after")
    def _another_study(self) -> Self:
        if self.warm_start and self.warm_start.study == self.name:
            raise ValueError(
                f'warm_start.study: "{self.name}" is this study itself; '
                "name the one to start from, or give this one another name"
            )
        return self

    @property
    def direction(self) -> Direction:
        """Which way the study optimizes, as its metric says."""
        return self.evaluation.metric.direction
