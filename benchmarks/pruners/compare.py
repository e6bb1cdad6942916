"""Replay recorded learning curves under different pruners, with several workers at once.

    python benchmarks/pruners/compare.py svm --work 12 --workers 2
    python benchmarks/pruners/compare.py cnn-simple --work 8 --workers 2

Each pruner gets the same work: as much as so many trials cost without pruning. Trials are drawn
without replacement in random order, so that the pruners alone differ. Workers run in simulated
time, and a pruner sees what had been reported by then. A step takes as long as its work: an epoch
is 1, a fit on a share of the rows is that share. Printed for each pruner:

begun   trials that the work sufficed for
gap     best value of the pool less the best that became complete; the mean over the repeats
90 %    the gap that nine of ten repeats stay under
"""

import argparse
import heapq
import json
import math
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.trial import Trial, TrialState

from hpo.definition import Definition, parse
from hpo.worker.strategy import pruner

HERE = Path(__file__).parent

Curve = dict[int, float]
Steps = tuple[int, ...]

PRUNERS: dict[str, dict[str, Any]] = {
    "none": {"name": "none"},
    "median, 5 startup trials": {"name": "median"},
    "median, 5 startup, 3 warm-up steps": {"name": "median", "n_warmup_steps": 3},
    "percentile 25": {"name": "percentile", "percentile": 25.0},
    "asha, from step 1, by 2": {"name": "asha", "min_resource": 1, "reduction_factor": 2},
    "asha, from step 1, by 3": {"name": "asha", "min_resource": 1, "reduction_factor": 3},
    "asha, from step 1, by 4": {"name": "asha", "min_resource": 1, "reduction_factor": 4},
    "asha, from step 3, by 3": {"name": "asha", "min_resource": 3},
    "hyperband, from step 1, by 3": {"name": "hyperband"},
    "hyperband, from step 3, by 3": {"name": "hyperband", "min_resource": 3},
}


@dataclass(frozen=True)
class Outcome:
    """What one replay came to."""

    begun: int
    best: float  # of the trials that became complete


def settings(name: str) -> Definition:
    """Give a definition with one of the pruners."""
    content = {
        "name": "replay",
        "model": "replay",
        "data": {"train": "replay"},
        "evaluation": {"folds": 5},
        "space": {"x": [0]},
        "budget": {"trials": 1},
    }
    return parse({**content, "pruner": PRUNERS[name]}, name)


def replay(curves: list[Curve], how: BasePruner, workers: int, work: float) -> Outcome:
    """Run curves through a pruner, one after the other, until the work is done."""
    study = optuna.create_study(direction="maximize", pruner=how)
    waiting = iter(curves)
    events: list[tuple[float, int, Trial, Curve, Steps]] = []
    best, now = 0.0, 0.0

    def push(trial: Trial, curve: Curve, steps: Steps) -> None:
        heapq.heappush(events, (now + cost(curve, steps[0]), trial.number, trial, curve, steps))

    def begin() -> None:
        curve = next(waiting, None)
        if work > 0 and curve is not None:
            push(study.ask(), curve, tuple(curve))

    for _ in range(workers):
        begin()
    while events:
        now, _, trial, curve, (step, *rest) = heapq.heappop(events)
        work -= cost(curve, step)
        trial.report(curve[step], step)
        if not rest:
            best = max(best, study.tell(trial, curve[step]).value or 0.0)
        elif trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
        else:
            push(trial, curve, tuple(rest))
            continue
        begin()
    return Outcome(len(study.trials), best)


def cost(curve: Curve, step: int) -> float:
    """Give the work of a step: an epoch, or a share of a fit."""
    return 1.0 if len(curve) > 4 else step / max(curve)


def main() -> None:
    """Print a row of the table for each pruner."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--work", type=float, default=12, help="in trials without pruning")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=40)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    stored = json.loads((HERE / f"curves-{args.model}.json").read_text())
    curves = [{int(step): value for step, value in one["curve"].items()} for one in stored]
    whole = sum(cost(curves[0], step) for step in curves[0])
    best = max(value for curve in curves for value in [curve[max(curve)]])
    print(
        f"{args.model}: the work of {args.work:g} of {len(curves)} trials, {args.workers} workers\n"
    )
    print("| pruner | begun | gap | 90 % |")
    print("| --- | --- | --- | --- |")
    for name in PRUNERS:
        how = settings(name).pruner
        outcomes = [
            replay(
                Random(seed).sample(curves, len(curves)),
                pruner(how, max(curves[0])),
                args.workers,
                args.work * whole,
            )
            for seed in range(args.repeats)
        ]
        gaps = sorted(best - outcome.best for outcome in outcomes)
        begun = fmean(outcome.begun for outcome in outcomes)
        ninth = gaps[math.ceil(0.9 * len(gaps)) - 1]
        print(f"| {name} | {begun:.0f} | {fmean(gaps):.4f} | {ninth:.4f} |", flush=True)


if __name__ == "__main__":
    main()
