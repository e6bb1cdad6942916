"""The worker: take a trial, run it, take the next, until there is nothing left."""

import os
import random
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from hpo.artifacts import Artifacts
from hpo.objective import Objective
from hpo.opening import import_code, objective_of
from hpo.storage.database import Database
from hpo.storage.stale import grace_period
from hpo.study import StoredStudy, load_study
from hpo.worker.lease import Leases
from hpo.worker.leftovers import keep_what_is_loaded, leftovers_freed
from hpo.worker.scratch import scratch
from hpo.worker.signals import Stop
from hpo.worker.strategy import pruner, sampler
from hpo.worker.trial import run_trial
from hpo.worker.tuning import end_without_tuning

IDLE = 1.0  # seconds until the first look for a trial that another worker may hand back
LONGEST_IDLE = 10.0  # seconds; the pause doubles with each look up to this
LOOKS = 4  # per grace period at least: a worker that asks less often can't tell who has died


@dataclass(frozen=True, kw_only=True)
class Service:
    """One worker's work on one study."""

    stored: StoredStudy
    objective: Objective
    leases: Leases
    stop: Stop

    def run_next(self, on_taken: Callable[[], object] = lambda: None) -> bool:
        """Run the next trial; False if there is none now."""
        with scratch() as folder:  # no trial is taken where it could not be run
            lease = self.leases.take()
            if lease is None:
                return False
            on_taken()
            self.stored.study.sampler = sampler(self.stored.definition, lease.number)
            with leftovers_freed():
                run_trial(lease, self.objective, self.stop, folder)
            return True


def open_service(database: Database, artifacts: Artifacts, stop: Stop, study: str) -> Service:
    """Prepare to work on a study by its name, with this machine's copy of its data.

    Raises:
        InputError: it is not in the database, or this machine lacks its rows or its model.
    """
    stored = load_study(database.with_own_cache(), study)
    objective = objective_of(stored)
    import_code(objective.model)
    end_without_tuning()
    keep_what_is_loaded()
    return prepare_service(stored, objective, artifacts, stop)


def prepare_service(
    stored: StoredStudy, objective: Objective, artifacts: Artifacts, stop: Stop
) -> Service:
    """Prepare to work on a study with its objective."""
    stored.study.pruner = pruner(stored.definition.pruner, stored.ladder)
    leases = Leases(
        stored=stored, owner=_owner(), artifacts=artifacts, give_up=lambda: stop.is_pressing
    )
    return Service(stored=stored, objective=objective, leases=leases, stop=stop)


def serve(service: Service) -> None:
    """Run trials of a study until its budget is spent and all have ended, or until told to stop."""
    idling = Idling(service.stop)
    while not service.stop.requested:
        if service.run_next():
            idling = Idling(service.stop)
        elif service.leases.is_over():
            service.leases.sweep()
            return
        else:
            idling.wait()


@dataclass
class Idling:
    """Waits between looks for work, longer each time, so that idle workers cost little."""

    stop: Stop
    looks: int = 0

    def wait(self) -> None:
        """Wait before the next look, with 50 % jitter so that workers don't ask all at once."""
        pause = min(LONGEST_IDLE, grace_period() / LOOKS, IDLE * 2.0**self.looks)
        self.looks += 1
        self.stop.wait(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
