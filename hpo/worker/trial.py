"""Running one trial that this worker owns."""

import logging
import math
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.exceptions import TrialPruned
from optuna.trial import FrozenTrial, TrialState

from hpo.artifacts.dashboard import listed
from hpo.device import recorded_device, recorded_environment
from hpo.errors import HpoError, LeaseLost
from hpo.evaluation import FILE
from hpo.models import Trained
from hpo.objective import Kept, Objective
from hpo.storage.database import study_lock
from hpo.storage.ownership import Writing
from hpo.storage.retrying import persistently
from hpo.study import (
    CHECKPOINT,
    DEVICE,
    ENVIRONMENT,
    FOLDS,
    GRANTED,
    SEED,
    Control,
    StoredStudy,
    Want,
    control_of,
    trials_of,
    write_control,
)
from hpo.worker.checkpoints import Checkpoints, checkpoints, forget
from hpo.worker.halving import Halving
from hpo.worker.heartbeat import heartbeat
from hpo.worker.lease import RETRIES, Lease, Outcome, deadline_of
from hpo.worker.mishaps import (
    MOST_RETRIES,
    Diverged,
    SickMachine,
    is_of_one_machine,
    passing,
    same_bug,
)
from hpo.worker.proposal import Proposal
from hpo.worker.results import Results, results
from hpo.worker.signals import Stop
from hpo.worker.view import PrunerView, SamplerView

BATCH = 0.5  # seconds: faster steps are reported together
OLDEST = 10.0  # seconds: how old what a pruner knows of other trials may be

log = logging.getLogger(__name__)


class Drained(Exception):  # noqa: N818 - an event, not a failure
    """The trial is to be handed back."""


class Cut(Exception):  # noqa: N818 - an event, not a failure
    """The trial is to end here, for reasons that are not its own."""


@dataclass(kw_only=True)
class Climber:
    """Hears each step of a trial: reports it, and ends the trial where it should not go on."""

    lease: Lease
    view: PrunerView
    stop: Stop
    checkpoints: Checkpoints
    results: Results
    deadline: float | None  # by time.monotonic()
    last_step: int = 0
    reports: dict[int, float] = field(default_factory=dict)  # not written yet
    folds: Sequence[float] = ()  # not written yet
    files: dict[str, str] = field(default_factory=dict)  # that were kept, not written yet
    saved: dict[str, Any] = field(default_factory=dict)  # the training, not written yet
    written_at: float = field(default_factory=time.monotonic)

    @property
    def trial(self) -> FrozenTrial:
        """The trial with its reports, those that are not written yet as well."""
        return self.lease.trial

    @property
    def unwritten(self) -> Writing:
        """What is to be written with the next step or with the end."""
        return Writing(
            reports=dict(self.reports),
            user_attrs={FOLDS: self.folds} if self.folds else {},
            system_attrs={**self.files, **self.saved},
        )

    def __call__(self, step: int, value: Callable[[], float]) -> None:
        """Report a step.

        Raises:
            LeaseLost: the trial is another worker's now.
            Drained: it is to be handed back.
            Cut: it is to end, the study was cancelled or its time is over.
            Diverged: its value is no finite number.
            TrialPruned: it is not worth going on with.
        """
        is_new = step not in self.trial.intermediate_values
        if is_new:
            self._note(step, value())
        if step == self.last_step:
            return  # it has the full evaluation: complete, however good
        want = self.write().want if self._is_time_to_write(is_new=is_new) else Want.RUN
        if want is Want.CANCEL or self._is_time_over():
            raise Cut
        if self._has_to_ask(step, is_new=is_new) and not self._may_climb(step):
            raise TrialPruned(step)  # though it is to be handed back: nobody asks again for a step
        if want is Want.PAUSE or self.stop.requested:
            raise Drained

    def write(self) -> Control:
        """Write what is not written yet, and give what is wanted of the study."""
        self.saved = self.checkpoints.save()
        control = self.lease.write(self.unwritten)
        self._told()
        self.reports, self.folds, self.files = {}, (), {}
        self.written_at = time.monotonic()
        return control

    def end(self, outcome: Outcome) -> None:
        """Write the end of this worker's part, and what is not written yet."""
        if outcome.state in {TrialState.COMPLETE, TrialState.FAIL}:
            self.files |= self.results.keep_log()
        if outcome.state.is_finished():
            self.saved = {CHECKPOINT: None}
        elif outcome.retries is None:
            self.saved = self.checkpoints.save(now=True)
        self.lease.end(outcome, self.unwritten)
        self._told()

    def _told(self) -> None:
        self.checkpoints.told(self.saved)
        self.saved = {}

    def drop(self) -> None:
        """Remove what was kept for a trial that was lost, but for what it has come to name.

        Of the last writing only the answer may have been lost.
        """
        named = self.lease.attrs()
        self.checkpoints.untold(self.saved, named)
        self.results.untold(self.files, named)

    def keep_evaluation(self, objective: Objective) -> None:
        """Keep what is known of the rows held out."""
        if listed(self.trial.system_attrs, FILE):  # it is replaced: not by who has lost the trial
            self.write()
        self.files |= self.results.keep_evaluation(objective, self.trial)

    def on_fold(self, values: Sequence[float]) -> None:
        """Keep the values of the folds that are finished."""
        self.folds = list(values)

    def _note(self, step: int, value: float) -> None:
        if not math.isfinite(value):
            raise Diverged(f"step {step}: {value}")
        self.reports[step] = self.trial.intermediate_values[step] = value

    def _is_time_to_write(self, *, is_new: bool) -> bool:
        pruner = self.view.pruner
        looks = is_new and isinstance(pruner, Halving) and pruner.is_at_rung(self.trial)
        return looks or time.monotonic() - self.written_at >= BATCH

    def _is_time_over(self) -> bool:
        """Whether the budget's time is over, which may have been raised since the trial was taken.

        Until the study has a result, its trials go on.
        """
        if self.deadline is None or time.monotonic() < self.deadline:
            return False
        account = self.lease.account()
        self.deadline = deadline_of(account)
        over = self.deadline is not None and time.monotonic() >= self.deadline
        return over and bool(account.completed)

    def _has_to_ask(self, step: int, *, is_new: bool) -> bool:
        """Whether it is to be decided how the trial goes on.

        A worker that died at a rung may have reported it and not asked for more.
        """
        granted = self.trial.system_attrs.get(GRANTED)
        return is_new or (granted is not None and step >= granted)

    def _may_climb(self, step: int) -> bool:
        """Whether the trial is good enough and the budget has the steps up to its next rung."""
        if persistently(self._should_prune, self.lease.give_up):
            return False
        granted = self.trial.system_attrs.get(GRANTED)
        if granted is None or step < granted:
            return True
        self.trial.system_attrs[GRANTED] = landing = self.lease.climb_on()
        return landing is not None

    def _should_prune(self) -> bool:
        return self.view.pruner.prune(self.view, self.trial)


def run_trial(lease: Lease, objective: Objective, stop: Stop) -> None:
    """Run a trial to one of its ends; what happens in it is recorded with it."""
    study = lease.stored.study
    max_age = 0.0 if isinstance(study.pruner, Halving) else OLDEST
    view = PrunerView(study, lambda: lease.trials, lease.trial, max_age)
    with (
        heartbeat(lease),
        results(lease.artifacts, study.study_name, lease.number) as files,
        checkpoints(lease.artifacts, study.study_name, lease.trial) as kept,
    ):
        climber = Climber(
            lease=lease,
            view=view,
            stop=stop,
            checkpoints=kept,
            results=files,
            deadline=lease.deadline,
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
        forget(lease.artifacts, study.study_name, lease.number)
    if outcome.state is TrialState.FAIL:
        persistently(lambda: _stop_at_same_bug(lease.stored), lease.give_up)


def _outcome(climber: Climber, objective: Objective) -> Outcome:
    trial, pruner = climber.trial, climber.view.pruner
    try:
        return Outcome(state=TrialState.COMPLETE, value=_evaluate(climber, objective))
    except TrialPruned as pruned:
        if isinstance(pruner, Halving):
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
    """Hand a trial back whose mishap may pass; let it fail where that has not helped, or can't."""
    earlier = trial.system_attrs.get(RETRIES, [])
    reason, told = passing(error), "".join(traceback.format_exception(error))
    if reason is None or len(earlier) >= MOST_RETRIES:
        return Outcome(state=TrialState.FAIL, error=told)
    log.warning("trial %d will be tried again: %s", trial.number, reason)
    return Outcome(state=TrialState.WAITING, error=told, retries=[*earlier, reason])


def _evaluate(climber: Climber, objective: Objective) -> float:
    lease, trial = climber.lease, climber.trial
    # Asks the sampler, unless another worker has begun the trial: then it has its values.
    study = lease.stored.study
    proposal = Proposal(SamplerView(study, lambda: lease.trials), trial, study.sampler)
    params = persistently(lambda: objective.space.suggest(proposal), lease.give_up)
    lease.write(
        Writing(
            params=proposal.new,
            user_attrs={
                SEED: objective.seed_of(params),
                ENVIRONMENT: recorded_environment(),
                DEVICE: recorded_device(),
            },
        )
    )
    log.info("trial %d: %s", trial.number, proposal.params)
    climber.last_step = objective.last_step_of(params)

    def on_trained(fold: int, trained: Trained) -> None:
        climber.files |= climber.results.keep_model(objective.model.code, fold, trained)

    kept = Kept(
        folds=trial.user_attrs.get(FOLDS, ()),
        on_fold=climber.on_fold,
        on_trained=on_trained,
        on_scored=climber.results.on_scored,
        folder=climber.checkpoints.folder,
    )
    return objective.evaluate(params, climber, kept)


def _stop_at_same_bug(stored: StoredStudy) -> None:
    """Stop a study whose trials fail one after another for one reason: more would, too.

    Raises:
        SickMachine: they do so on this machine alone, so the study goes on without it.
    """
    with study_lock(stored.database, stored.definition.name):
        trials = trials_of(stored)
        bug = same_bug(trials)
        if bug is None or control_of(stored).want is not Want.RUN:
            return
        if is_of_one_machine(trials):
            raise SickMachine(
                f"the last trials here all failed with {bug}, others' did not: mend this machine, "
                "and start the worker again"
            )
        reason = f"its last trials all failed with {bug}"
        write_control(stored, Control(Want.STOP, reason))
    log.error("the study is stopped: %s", reason)
