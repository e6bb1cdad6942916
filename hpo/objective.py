"""A trial's evaluation: climbing step by step, fold by fold, to a value."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data import Dataset
from hpo.definition import Definition
from hpo.errors import DefinitionError
from hpo.evaluation import Scored
from hpo.models import (
    SAMPLES,
    WHOLE_FOLD,
    Climb,
    Labels,
    Model,
    Rows,
    Trained,
    resolve,
    steps_of,
    steps_per_fold,
)
from hpo.search_space import SearchSpace, build
from hpo.training import metrics
from hpo.training.splits import Split, folds, holdout
from hpo.training.steps import OnStep
from hpo.training.task import Task

Report = Callable[[int, Callable[[], float]], None]
"""Hears of each step, and may ask for the trial's value so far or raise to end the trial.

The value is measured when it is asked for: a step that is known already costs nothing.
"""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What is kept of a trial's evaluation, for a worker that goes on with it."""

    folds: Sequence[float] = ()  # the values of those that are finished
    on_fold: Callable[[Sequence[float]], None] = lambda _values: None  # hears of them
    on_trained: Callable[[int, Trained], None] = lambda _fold, _trained: None  # and of its model
    on_scored: Callable[[Scored], None] = lambda _scored: None  # hears what each value comes from
    folder: Path | None = None  # of the training of the fold that is not; None: it is not kept


CHECKPOINT_FILE = re.compile(r"fold-(\d+)\.npz")


@dataclass(frozen=True)
class CheckpointFile:
    """The file of a fold's training, as the training has left it after its last epoch."""

    fold: int  # from 0
    file: Path


def checkpoint_file(folder: Path, fold: int) -> Path:
    """Return where the training of a fold, from 0, is kept and gone on from."""
    return folder / f"fold-{fold:d}.npz"


def newest_checkpoint(folder: Path) -> CheckpointFile | None:
    """Return the training that was kept last, if any was."""
    matches = [(CHECKPOINT_FILE.fullmatch(path.name), path) for path in folder.iterdir()]
    found = [CheckpointFile(int(match[1]), path) for match, path in matches if match]
    return max(found, default=None, key=lambda kept: kept.fold)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What every trial of a study shares: the model, its space, the rows and how they are split."""

    model: Model
    space: SearchSpace[Any]
    task: Task
    X: Rows  # (n, features)
    y: Labels  # (n,)
    splits: tuple[Split, ...]
    metric: Callable[[Labels, Labels], float]
    seed: int

    @property
    def steps_per_fold(self) -> int:
        """The number of the last step that a trial can reach within a fold."""
        return steps_per_fold(self.model, self.space)

    @property
    def steps(self) -> tuple[int, ...]:
        """The numbers of all steps that a trial can report, ascending."""
        return steps_of(self.model, self.space, len(self.splits))

    @property
    def last_step(self) -> int:
        """The number of the last step that a trial can reach."""
        return self.steps_per_fold * len(self.splits)

    def last_step_of(self, params: Any) -> int:
        """Return the number of the step at which a trial with these parameters is complete."""
        return self.last_step - self.steps_per_fold + self.last_in_fold(params)

    def last_in_fold(self, params: Any) -> int:
        """Return the number of the step at which such a trial has climbed its first fold."""
        return int(params.epochs) if self.model.climb is Climb.EPOCHS else WHOLE_FOLD

    def seed_of(self, params: Any) -> int:
        """Return a trial's seed: the same for the same parameters in the same study."""
        digest = sha256(f"{self.seed} {params}".encode()).digest()
        return int.from_bytes(digest[:4]) >> 1  # NumPy, scikit-learn and Keras all take 31 bits

    def evaluate(self, params: Any, report: Report, kept: Progress = Progress()) -> float:
        """Return the mean over the folds of the metric on the rows held out.

        What is kept of an earlier evaluation is not computed again.

        Before that, report hears of each step. In the first fold the value there is the climbing
        fold's; in a further one it is the mean of the finished folds until that one is finished,
        too: a network that has just begun again says less than those. A step has the same number
        in every trial of the study, so that pruners compare like with like.
        """
        values: list[float] = []
        for number in range(len(self.splits)):
            fold = _Fold(self, params, number, tuple(values), report, kept.on_scored)
            if number < len(kept.folds):
                values.append(kept.folds[number])
            else:
                trained = fold.train(kept.folder)
                values.append(fold.score(trained))
                kept.on_trained(number, trained)
                kept.on_fold(values)
                if kept.folder:
                    checkpoint_file(kept.folder, number).unlink(missing_ok=True)
            fold.finish(values[-1])
        return fmean(values)


@dataclass(frozen=True)
class _Fold:
    """One fold of one trial, climbing."""

    objective: Objective
    params: Any
    number: int  # from 0
    before: tuple[float, ...]  # the values of the finished folds
    report: Report
    on_scored: Callable[[Scored], None]

    def train(self, folder: Path | None) -> Trained:
        """Climb to the last step but for its report, and give what was trained."""
        if self.objective.model.climb is Climb.SAMPLES:
            return self._samples()
        return self._epochs(checkpoint_file(folder, self.number) if folder else None)

    def score(self, trained: Trained) -> float:
        """Return the metric on the rows held out."""
        o = self.objective
        rows = o.splits[self.number][1]
        predicted = o.model.code.predict(trained, o.task, o.X[rows])
        self.on_scored(Scored(fold=self.number, rows=rows, predicted=predicted))
        return o.metric(o.y[rows], predicted)

    def finish(self, value: float) -> None:
        """Report the last step."""
        self._report(self._last_step, lambda: fmean((*self.before, value)))

    @property
    def _last_step(self) -> int:
        return self.objective.last_in_fold(self.params)

    def _epochs(self, checkpoint: Path | None) -> Trained:
        def hear(step: int, trained: Trained) -> None:
            if step < self._last_step:  # the last one is judged when fit is over
                self._climbs(step, lambda: self.score(trained))

        return self._fit(self._train_rows, OnStep(hear, checkpoint))

    def _samples(self) -> Trained:
        # One fold tells the bad ones apart; in the others small samples would cost for nothing.
        for step, share in SAMPLES.items() if self.number == 0 else ():
            rows = _sample(self._train_rows, self.objective.y, share, self.objective.seed)
            self._climbs(step, partial(self._score_of_fit, rows))
        return self._fit(self._train_rows)

    @property
    def _train_rows(self) -> NDArray[np.int64]:
        return self.objective.splits[self.number][0]

    def _fit(self, rows: NDArray[np.int64], *on_step: OnStep) -> Trained:
        o = self.objective
        X, y, seed = o.X[rows], o.y[rows], o.seed_of(self.params)
        return o.model.code.fit(self.params, o.task, X, y, seed, *on_step)

    def _score_of_fit(self, rows: NDArray[np.int64]) -> float:
        return self.score(self._fit(rows))

    def _climbs(self, step: int, score: Callable[[], float]) -> None:
        self._report(step, (lambda: fmean(self.before)) if self.before else score)

    def _report(self, step: int, value: Callable[[], float]) -> None:
        self.report(self.number * self.objective.steps_per_fold + step, value)


def _sample(rows: NDArray[np.int64], y: Labels, share: float, seed: int) -> NDArray[np.int64]:
    """Take a share of rows, of each class alike; a larger share holds the smaller ones."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    labels = y[shuffled]
    place = np.empty(len(rows))
    for label in np.unique(labels):
        (of_class,) = np.nonzero(labels == label)
        place[of_class] = np.arange(len(of_class)) / len(of_class)  # one of each class first
    return shuffled[np.argsort(place, kind="stable")[: math.ceil(share * len(rows))]]


def build_objective(definition: Definition, dataset: Dataset, source: str) -> Objective:
    """Join a definition and its rows; source is named in errors.

    Raises:
        DefinitionError: the model is unknown, or the space or the data does not suit it.
    """
    model = resolve(definition.model, source)
    space: SearchSpace[Any] = build(definition, model.Params, model.parameters, source)
    if model.needs_images and definition.data.shape is None:
        raise DefinitionError(
            source, "data.shape", f"is missing; {definition.model} needs [height, width, channels]"
        )
    assert dataset.y is not None
    task = _task(definition, dataset)
    splits = _splits(definition, dataset.y, source)
    least = min((train for train, _ in splits), key=len)
    problem = model.problem(space, task, np.unique(dataset.y[least], return_counts=True)[1])
    if problem is not None:
        raise DefinitionError(source, "space", problem)
    return Objective(
        model=model,
        space=space,
        task=task,
        X=dataset.X,
        y=dataset.y,
        splits=splits,
        metric=getattr(metrics, definition.evaluation.metric),
        seed=definition.seed,
    )


def _task(definition: Definition, dataset: Dataset) -> Task:
    return Task(
        shape=definition.data.shape or (dataset.X.shape[1],),
        classes=tuple(dataset.classes.tolist()),
        transposed=definition.data.transposed,
    )


def _splits(definition: Definition, y: Labels, source: str) -> tuple[Split, ...]:
    count, share = definition.evaluation.folds, definition.evaluation.holdout
    if count is not None:
        return tuple(folds(y, count, definition.seed))
    assert share is not None
    try:
        return tuple(holdout(y, share, definition.seed))
    except ValueError as error:  # too few rows on one side for all classes
        raise DefinitionError(
            source, "evaluation.holdout", f"{share} of {len(y)} rows is not valid: {error}"
        ) from error
