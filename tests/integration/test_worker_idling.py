"""A worker without work looks often enough to find out who has died."""

from threading import Thread

import pytest
from optuna.trial import TrialState

from hpo.artifacts import open_artifacts
from hpo.opening import objective_of
from hpo.worker import loop
from hpo.worker.loop import Idling
from hpo.worker.signals import Stop

ONE = {"trials": 1}


@pytest.mark.usefixtures("make_stale")  # the server may have been started a moment ago
def test_an_idle_worker_takes_a_dead_ones_trial_however_short_the_grace_period(
    create_study, leases, monkeypatch
):
    monkeypatch.setenv("HPO_GRACE", "2")
    stored, stop = create_study(budget=ONE), Stop()
    assert leases(stored, "dead").take().number == 0
    ours = loop.prepare_service(stored, objective_of(stored), open_artifacts(), stop)
    worker = Thread(target=loop.serve, args=(ours,))
    worker.start()
    worker.join(3 * 2)
    stop.request()
    worker.join()
    assert [trial.state for trial in stored.study.trials] == [TrialState.COMPLETE]


class Waits(Stop):
    """Notes how long it would wait."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def wait(self, seconds):
        self.seconds.append(seconds)


@pytest.mark.parametrize("grace", [1, 12, 60])
def test_no_wait_is_as_long_as_half_the_grace_period(monkeypatch, grace):
    monkeypatch.setenv("HPO_GRACE", str(grace))
    waits = Waits()
    idling = Idling(waits)
    for _ in range(200):
        idling.wait()
    assert max(waits.seconds) < min(grace / 2, 1.5 * loop.LONGEST_IDLE + 0.1)
