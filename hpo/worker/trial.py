"""Running one trial that this worker owns."""

import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optuna.exceptions import TrialPruned, UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from hpo.artifacts import forget_trial, trial_folder
from hpo.device import recorded_device, recorded_environment
from hpo.errors import HpoError, LeaseLost
from hpo.objective import Kept, Objective
from hpo.storage.failures import database_errors
from hpo.study import DEVICE, ENVIRONMENT, FOLDS, SEED
from hpo.worker.halving import Halving, SeenBySamplers
from hpo.worker.heartbeat import heartbeat
from hpo.worker.lease import Lease, Outcome
from hpo.worker.signals import Stop

log = logging.getLogger(__name__)


class Drained(Exception):  # noqa: N818 - an event, not a failure
    """The worker was told to stop while the trial ran."""


@dataclass(frozen=True, kw_only=True)
class Climber:
    """Hears each step of a trial: reports it, and ends the trial where it should not go on."""

    lease: Lease
    trial: Trial
    stop: Stop
    last_step: int
    done: frozenset[int]  # what a worker before this one has reported

    def __call__(self, step: int, value: Callable[[], float]) -> None:
        """Report a step.

        Raises:
            LeaseLost: the trial is another worker's now.
            Drained: this worker was told to stop.
            TrialPruned: the trial is not worth going on with.
        """
        is_new = step not in self.done
        if is_new:
            self._report(step, value())
        if step == self.last_step:
            return  # it has the full evaluation: complete, however good
        if self.stop.requested:
            raise Drained
        with database_errors():
            if is_new and self.trial.should_prune():
                raise TrialPruned(step)

    def _report(self, step: int, value: float) -> None:
        with database_errors():
            self.lease.read()
            self.trial.report(value, step)


def run_trial(lease: Lease, objective: Objective, stop: Stop) -> None:
    """Run a trial to one of its ends; what happens in it is recorded with it."""
    with heartbeat(lease.database, lease.trial_id):
        try:
            outcome = _outcome(lease, objective, stop)
            lease.end(outcome)
            if outcome.state.is_finished():
                forget_trial(lease.study.study_name, lease.number)
        except (LeaseLost, UpdateFinishedTrialError) as lost:  # somebody was quicker
            log.warning("%s; dropped", lost)
        else:
            log.info("trial %d: %s", lease.number, outcome)


def _outcome(lease: Lease, objective: Objective, stop: Stop) -> Outcome:
    try:
        return Outcome(TrialState.COMPLETE, _value(lease, objective, stop))
    except TrialPruned as pruned:
        if isinstance(lease.study.pruner, Halving):
            return Outcome(TrialState.WAITING, rung=lease.study.pruner.rung_at(pruned.args[0]))
        return Outcome(TrialState.PRUNED)
    except Drained:
        return Outcome(TrialState.WAITING)
    except HpoError:
        raise
    except Exception:  # noqa: BLE001 - a model's code may raise anything, and only its trial fails
        return Outcome(TrialState.FAIL, error=traceback.format_exc())


def _value(lease: Lease, objective: Objective, stop: Stop) -> float:
    stored = lease.read()
    done = frozenset(stored.intermediate_values)
    with database_errors():
        # Asks the sampler, unless another worker has begun the trial: then it has its values.
        trial = Trial(SeenBySamplers(lease.study), lease.trial_id)
        params = objective.space.suggest(trial)
        trial.set_user_attr(SEED, objective.seed_of(params))
        trial.set_user_attr(ENVIRONMENT, recorded_environment())
        trial.set_user_attr(DEVICE, recorded_device())
    log.info("trial %d: %s", trial.number, trial.params)
    last_step = objective.last_step_of(params)
    climber = Climber(lease=lease, trial=trial, stop=stop, last_step=last_step, done=done)

    def on_fold(values: Sequence[float]) -> None:
        with database_errors():
            lease.read()
            trial.set_user_attr(FOLDS, values)

    kept = Kept(
        folds=stored.user_attrs.get(FOLDS, ()),
        on_fold=on_fold,
        folder=trial_folder(lease.study.study_name, lease.number),
    )
    return objective.evaluate(params, climber, kept)
