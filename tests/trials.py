"""Running one trial outside of a worker's loop."""

from hpo.objective import Objective
from hpo.worker import trial
from hpo.worker.lease import Lease
from hpo.worker.scratch import scratch
from hpo.worker.signals import Stop


def run_trial(lease: Lease, objective: Objective, stop: Stop) -> None:
    """Run a trial as a worker does, in a temporary folder."""
    with scratch() as folder:
        trial.run_trial(lease, objective, stop, folder)
