"""The callback that reports each step of a trial, and ends the trial where it should not go on."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from optuna.exceptions import TrialPruned
from optuna.trial import FrozenTrial, TrialState

from hpo.artifacts.dashboard import listed
from hpo.evaluation import FILE
from hpo.objective import Objective
from hpo.storage.keys import FOLDS, GRANTED
from hpo.storage.ownership import Writing
from hpo.storage.retrying import persistently
from hpo.study import Control, Want
from hpo.worker.checkpoints import Checkpoints
from hpo.worker.halving import HalvingPruner
from hpo.worker.lease import Lease, Outcome, TimeLimit, deadline_of
from hpo.worker.mishaps import Diverged
from hpo.worker.results import Results
from hpo.worker.signals import Stop
from hpo.worker.view import PrunerView

BATCH = 0.5  # seconds: faster steps are reported together
LOOK_AGAIN = 1.0  # seconds, for a result when the time is over


class Drained(Exception):  # noqa: N818 - an event, not a failure
    """The trial is to be handed back."""


class Cut(Exception):  # noqa: N818 - an event, not a failure
    """The trial is to end here, for reasons that are not its own."""


@dataclass(kw_only=True)
class Climber:
    """Reports each step of a trial, and raises where the trial should not go on."""

    lease: Lease
    view: PrunerView
    stop: Stop
    checkpoints: Checkpoints
    results: Results
    limit: TimeLimit
    last_step: int = 0

    # Not written to the database yet:
    reports: dict[int, float] = field(default_factory=dict)  # values by step
    folds: Sequence[float] = ()  # values of the finished folds
    files: dict[str, str] = field(default_factory=dict)  # attributes that list saved files
    saved: dict[str, Any] = field(default_factory=dict)  # the attribute that names the checkpoint

    written_at: float = field(default_factory=time.monotonic)

    @property
    def trial(self) -> FrozenTrial:
        """The trial with all of its reports, written or not."""
        return self.lease.trial

    @property
    def unwritten(self) -> Writing:
        """What the next write has to contain."""
        return Writing(
            reports=dict(self.reports),
            user_attrs={FOLDS: self.folds} if self.folds else {},
            system_attrs={**self.files, **self.saved},
        )

    def __call__(self, step: int, value: Callable[[], float]) -> None:
        """Report a step.

        Raises:
            LeaseLost: the trial is another worker's now.
            Drained: the trial is to be handed back.
            Cut: the study was cancelled, or its time is over.
            Diverged: the value is not a finite number.
            TrialPruned: the pruner or the budget stops the trial here.
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
            raise TrialPruned(step)  # before Drained: a pruner is asked once for each step
        if want is Want.PAUSE or self.stop.requested:
            raise Drained

    def write(self) -> Control:
        """Write what is not written yet, and return what is wanted of the study."""
        self.saved = self.checkpoints.save()
        wanted = self.lease.write(self.unwritten)
        self._confirm()
        self.reports, self.folds, self.files = {}, (), {}
        self.written_at = time.monotonic()
        if wanted.wall_time != self.limit.wall_time:
            deadline = deadline_of(self.lease.account())
            self.limit = TimeLimit(deadline=deadline, wall_time=wanted.wall_time)
        return wanted.control

    def end(self, outcome: Outcome) -> None:
        """Write how the trial ended for this worker, with what is not written yet.

        An ended trial names its checkpoint until that is removed.
        """
        if outcome.state in {TrialState.COMPLETE, TrialState.FAIL}:
            self.files |= self.results.keep_log()
        if not outcome.state.is_finished() and outcome.retries is None:
            self.saved = self.checkpoints.save(now=True)
        self.lease.end(outcome, self.unwritten)
        self._confirm()

    def _confirm(self) -> None:
        self.checkpoints.confirm(self.saved)
        self.saved = {}

    def drop(self) -> None:
        """Remove files saved for a lost trial, except those that the trial lists.

        The last write may have succeeded even though its answer was lost.
        """
        named = self.lease.attrs()
        self.checkpoints.discard(self.saved, named)
        self.results.discard(self.files, named)

    def keep_evaluation(self, objective: Objective) -> None:
        """Save the evaluation on the rows held out."""
        if listed(self.trial.system_attrs, FILE):  # to be replaced: only by the trial's owner
            self.write()
        self.files |= self.results.keep_evaluation(objective, self.trial)

    def on_fold(self, values: Sequence[float]) -> None:
        """Note the values of the finished folds."""
        self.folds = list(values)

    def _note(self, step: int, value: float) -> None:
        if not math.isfinite(value):
            raise Diverged(f"step {step}: {value}")
        self.reports[step] = self.trial.intermediate_values[step] = value

    def _is_time_to_write(self, *, is_new: bool) -> bool:
        pruner = self.view.pruner
        looks = is_new and isinstance(pruner, HalvingPruner) and pruner.is_at_rung(self.trial)
        return looks or time.monotonic() - self.written_at >= BATCH

    def _is_time_over(self) -> bool:
        """Whether the budget's wall time is over, by the budget as it is now.

        Trials go on until the study has a result.
        """
        if self.limit.deadline is None or time.monotonic() < self.limit.deadline:
            return False
        account = self.lease.account()
        deadline = deadline_of(account)
        over = deadline is not None and time.monotonic() >= deadline
        if over and not account.completed:
            deadline = time.monotonic() + LOOK_AGAIN
        self.limit = replace(self.limit, deadline=deadline)
        return over and bool(account.completed)

    def _has_to_ask(self, step: int, *, is_new: bool) -> bool:
        """Whether the pruner and the budget have to be asked at this step.

        An earlier worker may have died after reporting a rung and before asking.
        """
        granted = self.trial.system_attrs.get(GRANTED)
        return is_new or (granted is not None and step >= granted)

    def _may_climb(self, step: int) -> bool:
        """Whether the pruner lets the trial go on and the budget has steps up to its next rung."""
        if persistently(self._should_prune, self.lease.give_up):
            return False
        granted = self.trial.system_attrs.get(GRANTED)
        if granted is None or step < granted:
            return True
        self.trial.system_attrs[GRANTED] = landing = self.lease.climb_on()
        return landing is not None

    def _should_prune(self) -> bool:
        return self.view.pruner.prune(self.view, self.trial)
