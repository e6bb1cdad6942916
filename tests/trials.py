"""Running one trial outside of a worker's loop, perhaps only a part of it."""

from hpo.objective import Objective
from hpo.worker import trial
from hpo.worker.lease import Lease
from hpo.worker.scratch import scratch
from hpo.worker.signals import Stop


def run_trial(lease: Lease, objective: Objective, stop: Stop) -> None:
    """Run a trial as a worker does, in a temporary folder."""
    with scratch() as folder:
        trial.run_trial(lease, objective, stop, folder)


class StopAfter(Stop):
    """Tells the worker to stop when it has asked so often since the trial began."""

    def __init__(self, asks: int) -> None:
        super().__init__()
        self.asks = asks + 1  # it asks before the first step, too

    @property
    def requested(self) -> bool:
        """Whether the worker is to stop."""
        self.asks -= 1
        return self.asks < 0
