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
"""Called with each step and a function that returns the trial's value so far; may raise to end it.

The value is computed only when that function is called, so a step that is known costs nothing.
"""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where an evaluation resumes, and the callbacks that record how far it gets."""

    folds: Sequence[float] = ()  # the values of the finished folds
    on_fold: Callable[[Sequence[float]], None] = lambda _values: None  # called when one is finished
    on_trained: Callable[[int, Trained], None] = lambda _fold, _trained: None  # with its model
    on_scored: Callable[[Scored], None] = lambda _scored: None  # with the predictions of each value
    folder: Path | None = None  # of the unfinished fold's checkpoint; None: none is written


MOST_STEPS = 1_000_000  # of a trial, all of which are stored with the study

CHECKPOINT_FILE = re.compile(r"fold-(\d+)\.npz")


@dataclass(frozen=True)
class CheckpointFile:
    """The checkpoint of a fold's training after its last epoch."""

    fold: int  # from 0
    file: Path


def checkpoint_file(folder: Path, fold: int) -> Path:
    """Return the path of the checkpoint of a fold, from 0."""
    return folder / f"fold-{fold:d}.npz"


def newest_checkpoint(folder: Path) -> CheckpointFile | None:
    """Return the checkpoint of the latest fold, or None."""
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
        """Return the step at which a trial with these parameters is complete."""
        return self.last_step - self.steps_per_fold + self.last_in_fold(params)

    def last_in_fold(self, params: Any) -> int:
        """Return the step at which such a trial has finished its first fold."""
        return int(params.epochs) if self.model.climb is Climb.EPOCHS else WHOLE_FOLD

    def seed_of(self, params: Any) -> int:
        """Return a trial's seed, which depends on the study's seed and its parameters alone."""
        digest = sha256(f"{self.seed} {params}".encode()).digest()
        return int.from_bytes(digest[:4]) >> 1  # NumPy, scikit-learn and Keras all take 31 bits

    def evaluate(self, params: Any, report: Report, progress: Progress = Progress()) -> float:
        """Return the mean over the folds of the metric on the rows held out.

        Finished folds of an earlier evaluation are not computed again.

        Each step is reported. In the first fold its value is that of the fold so far; in a later
        fold it is the mean of the finished folds until this one is finished, too, because a network
        that starts over says less than those. A step has the same number in every trial of the
        study, so that pruners compare like with like.
        """
        values: list[float] = []
        for number in range(len(self.splits)):
            fold = _Fold(self, params, number, tuple(values), report, progress.on_scored)
            if number < len(progress.folds):
                values.append(progress.folds[number])
            else:
                trained = fold.train(progress.folder)
                values.append(fold.score(trained))
                progress.on_trained(number, trained)
                progress.on_fold(values)
                if progress.folder:
                    checkpoint_file(progress.folder, number).unlink(missing_ok=True)
            fold.finish(values[-1])
        return fmean(values)


@dataclass(frozen=True)
class _Fold:
    """The training and scoring of one fold of one trial, step by step."""

    objective: Objective
    params: Any
    number: int  # from 0
    before: tuple[float, ...]  # the values of the finished folds
    report: Report
    on_scored: Callable[[Scored], None]

    def train(self, folder: Path | None) -> Trained:
        """Train, reporting all steps but the last, and return the trained model."""
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
        def on_epoch(step: int, trained: Trained) -> None:
            if step < self._last_step:  # the last one is scored when fit has returned
                self._report_unfinished(step, lambda: self.score(trained))

        return self._fit(self._train_rows, OnStep(on_epoch, checkpoint))

    def _samples(self) -> Trained:
        # The first fold is enough to tell bad trials apart; later ones go straight to all rows.
        for step, share in SAMPLES.items() if self.number == 0 else ():
            rows = _sample(self._train_rows, self.objective.y, share, self.objective.seed)
            self._report_unfinished(step, partial(self._score_of_fit, rows))
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

    def _report_unfinished(self, step: int, score: Callable[[], float]) -> None:
        self._report(step, (lambda: fmean(self.before)) if self.before else score)

    def _report(self, step: int, value: Callable[[], float]) -> None:
        self.report(self.number * self.objective.steps_per_fold + step, value)


def _sample(rows: NDArray[np.int64], y: Labels, share: float, seed: int) -> NDArray[np.int64]:
    """Take a stratified share of the rows; a larger share contains the smaller ones."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    labels = y[shuffled]
    place = np.empty(len(rows))
    for label in np.unique(labels):
        (of_class,) = np.nonzero(labels == label)
        place[of_class] = np.arange(len(of_class)) / len(of_class)  # one of each class first
    return shuffled[np.argsort(place, kind="stable")[: math.ceil(share * len(rows))]]


def build_objective(definition: Definition, dataset: Dataset, source: str) -> Objective:
    """Build the objective of a definition and its rows; source is named in errors.

    Raises:
        DefinitionError: the model is unknown, or the space or the data does not suit it.
    """
    model = resolve(definition.model, source)
    space: SearchSpace[Any] = build(definition, model.Params, model.parameters, source)
    if model.needs_images and definition.data.shape is None:
        raise DefinitionError(
            source, "data.shape", f"is missing; {definition.model} needs [height, width, channels]"
        )
    if steps_per_fold(model, space) * (definition.evaluation.folds or 1) > MOST_STEPS:
        raise DefinitionError(source, "epochs", f"makes trials of more than {MOST_STEPS:,} steps")
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
