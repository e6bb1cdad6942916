"""What trials that wait at a rung cost a worker, with and without hpo's memory of them.

python benchmarks/storage/waiting.py [TRIALS]

One worker runs a study with the pruner `halving` whose trials do nothing but report, up to 30
epochs each. Printed are, for each 50 trials, how many wait by then and the median ms of a take and
of a run, with hpo's storage and with Optuna's in its place, each in a process of its own.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from unittest.mock import patch

from hpo.device import use_one_thread

use_one_thread()

import numpy as np  # noqa: E402 - after the threads are set
from meter import METER  # noqa: E402
from optuna.storages import RDBStorage  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from hpo.artifacts import open_artifacts  # noqa: E402
from hpo.opening import import_code, objective_of, read_draft, store  # noqa: E402
from hpo.storage.database import open_storage  # noqa: E402
from hpo.storage.records import Records  # noqa: E402
from hpo.study import trials_of  # noqa: E402
from hpo.worker.lease import Leases  # noqa: E402
from hpo.worker.loop import Service, prepare_service  # noqa: E402
from hpo.worker.signals import Stop  # noqa: E402

PART = 50  # trials
HALVING = 'name = "halving"\nmin_resource = 3\nreduction_factor = 3'
STORAGES = {"hpo": Records, "Optuna": RDBStorage}


@contextmanager
def _serving() -> Iterator[Service]:
    source = Path(__file__).with_name("empty.toml").read_text()
    with tempfile.TemporaryDirectory(prefix="hpo-waiting-") as place:
        folder = Path(place)
        folder.chmod(0o711)  # the server's user must enter it where root runs this
        definition = folder / "empty.toml"
        definition.write_text(source.replace('name = "none"', HALVING))
        np.save(folder / "rows.npy", np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32))
        os.environ["HPO_HOME"] = str(folder / "home")
        with open_storage(application_name="benchmark") as database:
            stored = store(database, read_draft(definition))
            objective = objective_of(stored)
            import_code(objective.model)
            METER.begin(1, lambda: None, lambda: False)
            objective = replace(objective, metric=lambda _y, _predicted: random.random())
            yield prepare_service(stored, objective, open_artifacts(), Stop())


def _timed(call: Callable[..., object], seconds: list[float]) -> Callable[..., object]:
    def timed(*given: object) -> object:
        began = time.perf_counter()
        try:
            return call(*given)
        finally:
            seconds.append(time.perf_counter() - began)

    return timed


def _measure(name: str, trials: int) -> None:
    """Run a study and print what its trials cost."""
    takes: list[float] = []
    runs: list[float] = []
    with (
        patch("hpo.storage.database.Records", STORAGES[name]),
        patch.object(Leases, "take", _timed(Leases.take, takes)),
        _serving() as ours,
    ):
        run = _timed(ours.run_next, runs)
        for _ in range(trials // PART):
            for _ in range(PART):
                run()
            states = [trial.state for trial in trials_of(ours.stored)]
            times = " | ".join(f"{1000 * median(seconds):.0f}" for seconds in (takes, runs))
            print(f"| {name} | {states.count(TrialState.WAITING)} | {times} |", flush=True)
            takes.clear()
            runs.clear()


def main() -> None:
    """Measure both."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("| storage | waiting | take, ms | run, ms |\n| --- | --- | --- | --- |", flush=True)
    for name in STORAGES:
        process = get_context("spawn").Process(target=_measure, args=(name, trials))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
