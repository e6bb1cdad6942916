"""Which share of a worker's time is training and evaluation?

    python benchmarks/workers/overhead.py DEFINITION [TRIALS]

Works on a study as `hpo worker` does, on an embedded database of its own, and measures what
happens inside: from when a trial is asked for until its end is written, the seconds in the model's
fit, less those in which the worker hears of a step or keeps the training, and in its predict. The
first trial of a process, which loads libraries that all others find there, counts for itself.
"""

import os
import sys
import tempfile
import time
from collections import defaultdict
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.device import use_one_thread

use_one_thread()

from hpo.artifacts import open_artifacts  # noqa: E402 - after the threads are set
from hpo.opening import import_code, objective_of, read_draft, store  # noqa: E402
from hpo.storage.database import open_storage  # noqa: E402
from hpo.worker.climber import Climber  # noqa: E402
from hpo.worker.leftovers import keep_what_is_loaded  # noqa: E402
from hpo.worker.loop import Service, prepare_service  # noqa: E402
from hpo.worker.results import Results  # noqa: E402
from hpo.worker.signals import Stop  # noqa: E402
from hpo.worker.tuning import end_without_tuning  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Adds up the seconds in which functions run, each without those that it calls in turn."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = time.perf_counter()

    def watch(self, owner: Any, function: str, name: str) -> None:
        """Count a function of a class or module from now on."""
        call: Callable[..., Any] = getattr(owner, function)

        @wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self._enter(name)
            try:
                return call(*args, **kwargs)
            finally:
                self._leave()

        setattr(owner, function, watched)

    def _enter(self, name: str) -> None:
        self._count()
        self._running.append(name)

    def _leave(self) -> None:
        self._count()
        self._running.pop()

    def _count(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def main() -> None:
    """Run trials and print where the time went."""
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="hpo-workers-") as folder:
        Path(folder).chmod(0o711)  # the server's user must enter it where root runs this
        os.environ["HPO_HOME"] = str(Path(folder, "home"))
        with open_storage(application_name="benchmark") as database:
            stored = store(database, read_draft(Path(sys.argv[1])))
            objective = objective_of(stored)
            import_code(objective.model)
            end_without_tuning()
            keep_what_is_loaded()
            from hpo.training.checkpoint import Checkpoint  # noqa: PLC0415 - imports Keras

            clock.watch(Service, "run_next", "the rest of the worker")
            clock.watch(objective.model.code, "fit", "training")
            clock.watch(objective.model.code, "predict", "evaluation")
            clock.watch(Climber, "__call__", "hearing of steps")
            clock.watch(Checkpoint, "_keep", "keeping the training")
            clock.watch(Results, "keep_evaluation", "keeping the evaluation")
            ours = prepare_service(stored, objective, open_artifacts(), Stop())
            ours.run_next()
            print(f"the first trial: {clock.seconds['the rest of the worker']:.1f} s beside it")
            clock.seconds.clear()
            for _ in range(count):
                ours.run_next()
    whole = sum(clock.seconds.values())
    for name, seconds in sorted(clock.seconds.items(), key=lambda each: -each[1]):
        print(f"{name}: {seconds:.1f} s, {100 * seconds / whole:.2f} %")
    print(f"trials: {count}, {whole:.1f} s")


if __name__ == "__main__":
    main()
