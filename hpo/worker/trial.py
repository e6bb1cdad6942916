"""Running one trial that this worker owns."""

import logging
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.exceptions import TrialPruned
from optuna.trial import FrozenTrial, TrialState

from hpo.device import recorded_device, recorded_environment
from hpo.errors import HpoError, LeaseLost
from hpo.models import Trained
from hpo.objective import Objective, Progress
from hpo.storage.database import study_lock
from hpo.storage.keys import DEVICE, EARLIER, ENVIRONMENT, FOLDS, RETRIES, SEED
from hpo.storage.ownership import Writing
from hpo.storage.retrying import persistently
from hpo.study import Control, Want, control_of, trials_of, write_control
from hpo.worker.checkpoints import checkpoints
from hpo.worker.climber import Climber, Cut, Drained
from hpo.worker.halving import HalvingPruner
from hpo.worker.heartbeat import heartbeat
from hpo.worker.lease import Lease, Outcome
from hpo.worker.mishaps import (
    MOST_RETRIES,
    Diverged,
    SameBug,
    SickMachine,
    passing,
    raised_at,
    worker_of,
)
from hpo.worker.proposal import Proposal
from hpo.worker.results import results
from hpo.worker.signals import Stop
from hpo.worker.view import PrunerView, SamplerView

OLDEST = 10.0  # seconds: the maximum age of the other trials that a pruner sees

log = logging.getLogger(__name__)


def run_trial(lease: Lease, objective: Objective, stop: Stop, folder: Path) -> None:
    """Run a trial, record how it ended, and remove its checkpoints if it has ended for good.

    The folder is for checkpoints on this machine.
    """
    study = lease.stored.study
    max_age = 0.0 if isinstance(study.pruner, HalvingPruner) else OLDEST
    view = PrunerView(study, lambda: lease.trials, lease.trial, max_age)
    with (
        heartbeat(lease),
        results(lease.artifacts, study.study_name, lease.number) as files,
    ):
        kept = checkpoints(lease.artifacts, study.study_name, lease.trial, folder)
        climber = Climber(
            lease=lease,
            view=view,
            stop=stop,
            checkpoints=kept,
            results=files,
            limit=lease.limit,
        )
        try:
            outcome = _outcome(climber, objective)
            climber.keep_evaluation(objective)
            climber.end(outcome)
        except LeaseLost as lost:  # somebody was quicker
            log.warning("%s; dropped", lost)
            climber.drop()
            return
    log.info("trial %d: %s", lease.number, outcome)
    if outcome.state.is_finished():
        lease.forget_training(is_named=kept.kept is not None)
    if outcome.state is TrialState.FAIL:
        persistently(lambda: _stop_at_same_bug(lease), lease.give_up)


def _outcome(climber: Climber, objective: Objective) -> Outcome:
    trial, pruner = climber.trial, climber.view.pruner
    try:
        return Outcome(state=TrialState.COMPLETE, value=_evaluate(climber, objective))
    except TrialPruned as pruned:
        if isinstance(pruner, HalvingPruner):
            return Outcome(state=TrialState.WAITING, rung=pruner.rung_at(pruned.args[0]))
        return _pruned(trial)
    except Drained:
        return Outcome(state=TrialState.WAITING)
    except Cut:
        return _pruned(trial)
    except Diverged as diverged:
        log.warning("trial %d has diverged: %s", trial.number, diverged)
        return _pruned(trial, f"it has diverged: {diverged}")
    except HpoError:
        raise
    except Exception as error:  # noqa: BLE001 - a model's code may raise anything, and only its trial fails
        return _mishap(trial, error)


def _pruned(trial: FrozenTrial, error: str | None = None) -> Outcome:
    value = trial.intermediate_values[trial.last_step] if trial.last_step is not None else None
    return Outcome(state=TrialState.PRUNED, value=value, error=error)


def _mishap(trial: FrozenTrial, error: Exception) -> Outcome:
    """Hand the trial back where the error may be temporary and retries are left; else fail it."""
    earlier = trial.system_attrs.get(RETRIES, [])
    reason, trace = passing(error), "".join(traceback.format_exception(error))
    if reason is None or len(earlier) >= MOST_RETRIES:
        return Outcome(state=TrialState.FAIL, error=trace, raised=raised_at(error))
    log.warning("trial %d will be tried again: %s", trial.number, reason)
    return Outcome(state=TrialState.WAITING, error=trace, retries=[*earlier, reason])


def _evaluate(climber: Climber, objective: Objective) -> float:
    if climber.stop.requested:  # since the trial was taken: its first step may be long
        raise Drained
    params = _begin(climber, objective)
    climber.last_step = objective.last_step_of(params)

    def on_trained(fold: int, trained: Trained) -> None:
        climber.files |= climber.results.keep_model(objective.model.code, fold, trained)

    progress = Progress(
        folds=climber.trial.user_attrs.get(FOLDS, ()),
        on_fold=climber.on_fold,
        on_trained=on_trained,
        on_scored=climber.results.on_scored,
        folder=climber.checkpoints.folder,
    )
    return objective.evaluate(params, climber, progress)


def _begin(climber: Climber, objective: Objective) -> Any:
    """Return the trial's Params, and record them and what its value depends on.

    The sampler is asked only for parameters that the trial does not have yet.
    """
    lease, trial = climber.lease, climber.trial
    study = lease.stored.study
    proposal = Proposal(SamplerView(study, lambda: lease.trials), trial, study.sampler)
    params = persistently(lambda: objective.space.suggest(proposal), lease.give_up)
    lease.write(
        Writing(
            params=proposal.new,
            user_attrs={
                SEED: objective.seed_of(params),
                **_machines(trial, recorded_environment(lease.stored.origin.modules)),
            },
        )
    )
    log.info("trial %d: %s", trial.number, proposal.params)
    return params


def _machines(trial: FrozenTrial, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return this machine as attributes, with others where a trial began before."""
    here = {ENVIRONMENT: environment, DEVICE: recorded_device()}
    before = {key: trial.user_attrs[key] for key in here if key in trial.user_attrs}
    earlier = trial.user_attrs.get(EARLIER, [])
    if not before or before == here or before in earlier:
        return here
    return {**here, EARLIER: [*earlier, before]}


def _stop_at_same_bug(lease: Lease) -> None:
    """Stop a study whose last trials all failed with the same error, as more would.

    Raises:
        SickMachine: they failed on this machine alone, so the study goes on without it.
    """
    stored, ours = lease.stored, worker_of(lease.trial)
    with study_lock(stored.database, stored.definition.name):
        trials = trials_of(stored)
        # This worker's failures are checked apart: other workers' good trials come in between.
        own = SameBug.of_worker(trials, ours)
        of_all = SameBug.of(trials)
        if control_of(stored).want is not Want.RUN:
            return
        for bug in filter(None, (own, of_all)):
            if bug.spares_others(trials, since=bug is own):
                raise SickMachine(
                    f"the last trials here all failed with {bug.error}, those of other workers did "
                    "not: fix this machine, and start the worker again"
                )
        if of_all is None:
            return
        reason = f"its last trials all failed with {of_all.error}"
        write_control(stored, Control(Want.STOP, reason))
    log.error("the study is stopped: %s", reason)
