"""Figures of a trial, drawn on demand: workers spend no time on them."""

import io
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hpo.evaluation import Evaluation, Mistake

DOTS = 110  # per inch
MOST_NUMBERS = 20  # classes up to which a confusion matrix has a number in each cell
MOST_LINES = 12  # of a list of mistakes
IN_A_ROW = 8  # images
OURS, OTHERS = "#1f6fb2", "#8a8a8a"

ONE_AT_A_TIME = threading.Lock()  # Matplotlib's fonts and caches are not thread-safe


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The values of a trial by step, and those of the best one."""

    title: str
    metric: str
    values: Mapping[int, float]
    best_title: str = ""
    best: Mapping[int, float] | None = None
    folds: Sequence[int] = ()  # the last step of each fold but the last


def learning_curve(curve: Curve) -> bytes:
    """Draw a trial's values, and those of the best trial behind them, as a PNG."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for end in curve.folds:
            axes.axvline(end + 0.5, color=OTHERS, linewidth=0.5, linestyle=":")
        if curve.best:
            _plot(axes, curve.best, color=OTHERS, label=curve.best_title, linestyle="--")
        marker = "o" if len(curve.values) <= 60 else ""
        _plot(axes, curve.values, color=OURS, label=curve.title, marker=marker, markersize=4)
        axes.set(xlabel="step", ylabel=curve.metric, title=curve.title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        if curve.best:
            axes.legend(loc="lower right", frameon=False)

    return _png((6.4, 4), draw)


def confusion_matrix(title: str, evaluation: Evaluation) -> bytes:
    """Draw the confusion matrix over all evaluated folds, as a PNG."""
    counts = _matrix(evaluation)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        ticks = range(0, len(counts), max(1, len(counts) // MOST_NUMBERS))
        names = [str(evaluation.classes[tick]) for tick in ticks]
        axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names)
        if len(counts) <= MOST_NUMBERS:
            _write_counts(axes, counts, share)
        right, rows = int(counts.trace()), int(counts.sum())
        axes.set(
            xlabel="predicted",
            ylabel="label",
            title=f"{title}\n{right:,} of {rows:,} rows right",
        )

    return _png((6.4, 6.4), draw)


def mistakes(title: str, evaluation: Evaluation) -> bytes:
    """Draw misclassified rows of the last evaluated fold, as a PNG."""
    last = max(evaluation.folds, default=0)
    title = f"{title}\nlabel → predicted{f', in fold {last + 1} alone' if last > 0 else ''}"
    if evaluation.mistakes and evaluation.mistakes[0].pixels is not None:
        return _images(title, evaluation)
    return _list(f"{title}; rows are counted from 0", evaluation.mistakes)


def _plot(axes: Any, values: Mapping[int, float], **style: Any) -> None:
    steps = sorted(values)
    axes.plot(steps, [values[step] for step in steps], **style)


def _matrix(evaluation: Evaluation) -> NDArray[np.int64]:
    place = {label: number for number, label in enumerate(evaluation.classes)}
    found: Counter[tuple[int, int]] = Counter()
    for cells in evaluation.folds.values():
        for label, predicted, rows in cells:
            found[place[label], place[predicted]] += rows
    matrix = np.zeros((len(place), len(place)), dtype=np.int64)
    for cell, rows in found.items():
        matrix[cell] = rows
    return matrix


def _write_counts(axes: Any, counts: NDArray[np.int64], share: NDArray[np.float64]) -> None:
    size = 9 if len(counts) <= 12 else 6
    for label, predicted in zip(*np.nonzero(counts), strict=True):
        axes.text(
            predicted,
            label,
            f"{counts[label, predicted]}",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if share[label, predicted] > 0.5 else "black",
        )


def _images(title: str, evaluation: Evaluation) -> bytes:
    found = evaluation.mistakes
    height, width, channels = evaluation.shape
    rows = -(-len(found) // IN_A_ROW)

    def draw(figure: Figure) -> None:
        for axes in (grid := figure.subplots(rows, IN_A_ROW, squeeze=False)).flat:
            axes.set_axis_off()
        for axes, mistake in zip(grid.flat, found, strict=False):
            image = np.frombuffer(mistake.pixels or b"", np.uint8).reshape(height, width, channels)
            shown = image if channels == 3 else image[:, :, 0]
            axes.imshow(shown, cmap="gray", vmin=0, vmax=255)
            axes.set_title(f"{mistake.label} → {mistake.predicted}", fontsize=9)
        figure.suptitle(title, fontsize=10)

    return _png((6.4, 0.7 + 0.95 * rows), draw)


def _list(title: str, found: Sequence[Mistake]) -> bytes:
    lines = [f"row {one.row}: {one.label} → {one.predicted}" for one in found[:MOST_LINES]]
    text = "\n".join(lines) or "none"

    height = 1 + 0.22 * max(1, len(lines))  # inches

    def draw(figure: Figure) -> None:
        figure.suptitle(title, fontsize=10)
        figure.text(0.1, 1 - 0.6 / height, text, va="top", family="monospace", fontsize=10)

    return _png((4.8, height), draw)


def _png(size: tuple[float, float], draw: Callable[[Figure], None]) -> bytes:
    with ONE_AT_A_TIME:
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=DOTS)
    return content.getvalue()
