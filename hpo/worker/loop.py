"""The worker: take a trial, run it, take the next, until there is nothing left."""

import os
import random
import secrets
import socket

from hpo.artifacts import Artifacts
from hpo.objective import Objective
from hpo.study import StoredStudy
from hpo.worker.lease import Leases
from hpo.worker.leftovers import leftovers_freed
from hpo.worker.rounding import RoundedSampler
from hpo.worker.signals import Stop
from hpo.worker.strategy import pruner, sampler
from hpo.worker.trial import run_trial

IDLE = 1.0  # seconds between looks for a trial that another worker may hand back


def serve(stored: StoredStudy, objective: Objective, artifacts: Artifacts, stop: Stop) -> None:
    """Run trials of a study until its budget is spent and all have ended, or until told to stop."""
    stored.study.pruner = pruner(stored.definition.pruner, objective.last_step)
    leases = Leases(
        stored=stored, owner=_owner(), artifacts=artifacts, give_up=lambda: stop.is_pressing
    )
    while not stop.requested:
        lease = leases.take()
        if lease is not None:
            stored.study.sampler = RoundedSampler(sampler(stored.definition, lease.number))
            with leftovers_freed():
                run_trial(lease, objective, stop)
        elif leases.is_over():
            leases.sweep()
            return
        else:
            stop.wait(IDLE * random.uniform(0.5, 1.5))  # noqa: S311 - so that workers don't march in step


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
