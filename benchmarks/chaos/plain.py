"""A worker of plain Optuna on the same objective: what hpo is compared with.

    python benchmarks/chaos/plain.py INTERVAL GRACE DEFINITION

It does what Optuna's documentation advises: heartbeats, a callback that queues stale trials again,
a checkpoint that belongs to the first of a trial's retries, and a callback that ends the study.
A retry inherits the reports and the finished folds.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from objectives import objective_of
from optuna.pruners import BasePruner, NopPruner, SuccessiveHalvingPruner
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import MaxTrialsCallback
from optuna.trial import Trial, TrialState
from scenario import STUDY

from hpo.definition import load_definition
from hpo.objective import Progress

DONE = (TrialState.COMPLETE, TrialState.PRUNED)


def pruner(settings: dict[str, Any]) -> BasePruner:
    """Return Optuna's pruner for a definition's: its successive halving ends what hpo's pauses."""
    if settings["name"] == "none":
        return NopPruner()
    return SuccessiveHalvingPruner(**{k: v for k, v in settings.items() if k != "name"})


def main(interval: int, grace: int, path: Path) -> None:
    """Work until the budget is spent."""
    definition, objective = load_definition(path), objective_of(path)
    storage = RDBStorage(
        os.environ["HPO_DATABASE_URL"],
        engine_kwargs={"pool_pre_ping": True},
        heartbeat_interval=interval,
        grace_period=grace,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(
            inherit_intermediate_values=True
        ),
    )
    study = optuna.load_study(
        study_name=STUDY, storage=storage, pruner=pruner(definition.pruner.model_dump())
    )

    def evaluate(trial: Trial) -> float:
        params = objective.space.suggest(trial)
        last = objective.last_step_of(params)

        def report(step: int, value: Callable[[], float]) -> None:
            trial.report(value(), step)
            if step < last and trial.should_prune():
                raise optuna.TrialPruned

        first = RetryHeartbeatStaleTrialCallback.retried_trial_number(
            storage.get_trial(trial._trial_id)
        )
        folder = Path(os.environ["HPO_HOME"]) / str(trial.number if first is None else first)
        kept = Progress(
            folds=trial.user_attrs.get("folds", ()),
            on_fold=lambda values: trial.set_user_attr("folds", values),
            folder=folder,
        )
        return objective.evaluate(params, report, kept)

    budget = definition.budget.trials
    if budget and len(study.get_trials(deepcopy=False, states=DONE)) < budget:
        study.optimize(evaluate, callbacks=[MaxTrialsCallback(budget, states=DONE)])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
