"""Replay recorded learning curves under different pruners, with several workers at once.

    python benchmarks/pruners/compare.py svm --work 12 --workers 2
    python benchmarks/pruners/compare.py cnn-simple --work 8 --workers 2
    python benchmarks/pruners/compare.py grid-12000 --work 3.6 --workers 2

Each pruner gets the same work: as much as so many trials cost without pruning. Trials are drawn
without replacement in random order, so that the pruners alone differ. Workers run in simulated
time, and a pruner sees what had been reported by then. A step takes as long as its work: an epoch
is 1, a fit on a share of the rows is that share; a trial that was paused trains the epochs of its
unfinished fold again, at the same price. Printed for each pruner:

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
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from hpo.definition import Definition, parse
from hpo.storage.keys import PAUSED
from hpo.study import ladder_of
from hpo.worker.halving import NO_RUNGS, HalvingPruner
from hpo.worker.strategy import pruner

HERE = Path(__file__).parent

Curve = dict[int, float]
EPOCHS = 10  # of each fold

PRUNERS: dict[str, dict[str, Any]] = {
    "none": {"name": "none"},
    "median, 5 startup trials": {"name": "median"},
    "median, 5 startup, 3 warm-up steps": {"name": "median", "n_warmup_steps": 3},
    "percentile 25": {"name": "percentile", "percentile": 25.0},
    "asha, from step 1, by 2": {"name": "asha", "min_resource": 1, "reduction_factor": 2},
    "asha, from step 1, by 3": {"name": "asha", "min_resource": 1, "reduction_factor": 3},
    "asha, from step 1, by 4": {"name": "asha", "min_resource": 1, "reduction_factor": 4},
    "asha, from step 3, by 3": {"name": "asha", "min_resource": 3},
    "halving, from step 1, by 2": {"name": "halving", "min_resource": 1, "reduction_factor": 2},
    "halving, from step 1, by 3": {"name": "halving", "min_resource": 1},
    "halving, from step 3, by 3": {"name": "halving"},
    "hyperband, from step 1, by 3": {"name": "hyperband"},
    "hyperband, from step 3, by 3": {"name": "hyperband", "min_resource": 3},
}


@dataclass(frozen=True)
class Outcome:
    """What one replay came to."""

    begun: int
    best: float  # of the trials that became complete


def settings(name: str) -> Definition:
    """Return a definition with one of the pruners."""
    content = {
        "name": "replay",
        "model": "replay",
        "data": {"train": "replay"},
        "evaluation": {"folds": 5},
        "space": {"x": [0]},
        "budget": {"trials": 1},
    }
    return parse({**content, "pruner": PRUNERS[name]}, name)


class Replay:
    """Curves that run through a pruner, one after the other, until the work is done."""

    def __init__(self, curves: list[Curve], seed: int, how: BasePruner, work: float) -> None:
        # Hyperband draws the bracket of a trial from the name of its study.
        self.study = optuna.create_study(direction="maximize", pruner=how, study_name=str(seed))
        self.waiting, self.work = iter(Random(seed).sample(curves, len(curves))), work
        self.events: list[tuple[float, int, Trial]] = []
        self.curves: dict[int, Curve] = {}
        self.best, self.now = 0.0, 0.0

    def run(self, workers: int) -> Outcome:
        """Return what it came to."""
        for _ in range(workers):
            self.begin()
        while self.events:
            self.now, _, trial = heapq.heappop(self.events)
            if self.climb(trial):
                self.push(trial)
            else:
                self.begin()
        return Outcome(len(self.curves), self.best)

    def begin(self) -> None:
        """Return a worker its next trial, where there is work left or no result yet."""
        how, trials = self.study.pruner, self.study.get_trials(deepcopy=False)
        halving = how if isinstance(how, HalvingPruner) else NO_RUNGS
        climbing = curve = None
        if self.work > 0:
            climbing = next(halving.promotable(trials, self.study.direction), None)
            curve = next(self.waiting, None) if climbing is None else None
        if climbing is None and curve is None:
            if self.best or self.events:
                return
            climbing = halving.furthest(trials, self.study.direction)
        if climbing is not None:
            self.resume(climbing)
        elif curve is not None:
            trial = Trial(self.study, self.storage.create_new_trial(self.study._study_id))
            self.curves[trial.number] = curve
            self.push(trial)

    @property
    def storage(self) -> BaseStorage:
        """Where the trials are."""
        return self.study._storage

    def resume(self, paused: FrozenTrial) -> None:
        """Go on with a trial that waits at a rung; its unfinished fold begins again."""
        self.storage.set_trial_system_attr(paused._trial_id, PAUSED, None)
        self.storage.set_trial_state_values(paused._trial_id, TrialState.RUNNING)
        curve = self.curves[paused.number]
        again = len(paused.intermediate_values) % EPOCHS if len(curve) > 4 else 0
        self.work -= again
        self.push(Trial(self.study, paused._trial_id), again)

    def push(self, trial: Trial, again: float = 0.0) -> None:
        """Let a trial make its next step."""
        curve = self.curves[trial.number]
        done = self.storage.get_trial(trial._trial_id).intermediate_values
        step = next(step for step in curve if step not in done)
        heapq.heappush(self.events, (self.now + again + cost(curve, step), trial.number, trial))

    def climb(self, trial: Trial) -> bool:
        """Report a step; whether the trial makes another one at once."""
        curve = self.curves[trial.number]
        done = self.storage.get_trial(trial._trial_id).intermediate_values
        step = next(step for step in curve if step not in done)
        self.work -= cost(curve, step)
        trial.report(curve[step], step)
        if step == max(curve):
            self.best = max(self.best, self.study.tell(trial.number, curve[step]).value or 0.0)
            return False
        if not trial.should_prune():
            return True
        if isinstance(self.study.pruner, HalvingPruner):
            rung = self.study.pruner.rung_at(step)
            self.storage.set_trial_system_attr(trial._trial_id, PAUSED, rung)
            self.storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
        else:
            self.study.tell(trial.number, state=TrialState.PRUNED)
        return False


def cost(curve: Curve, step: int) -> float:
    """Return the work of a step: an epoch, or a share of a fit."""
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
        chosen = pruner(how, ladder_of(how, sorted(curves[0])))
        outcomes = [
            Replay(curves, seed, chosen, args.work * whole).run(args.workers)
            for seed in range(args.repeats)
        ]
        gaps = sorted(best - outcome.best for outcome in outcomes)
        begun = fmean(outcome.begun for outcome in outcomes)
        ninth = gaps[math.ceil(0.9 * len(gaps)) - 1]
        print(f"| {name} | {begun:.0f} | {fmean(gaps):.4f} | {ninth:.4f} |", flush=True)


if __name__ == "__main__":
    main()
