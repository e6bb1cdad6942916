"""How long until a study does what a person wants of it?

    python benchmarks/workers/control.py [TIMES]

Four processes work on a study whose steps take two seconds; at a random moment somebody wants it to
pause, go on, stop or be cancelled. Prints the seconds, smallest, median and largest, from when that
is written down until the last trial has heeded it.
"""

import random
import sys
import time
from collections.abc import Callable
from statistics import median

from optuna.trial import TrialState
from place import Place, open_place

from hpo.study import Want, load_study, set_control, trials_of

WORKERS, STEP = 4, 2.0
PATIENCE = 60.0  # seconds


def running(place: Place, name: str) -> int:
    """Return how many trials run now."""
    trials = trials_of(load_study(place.database, name))
    return sum(trial.state is TrialState.RUNNING for trial in trials)


def seconds_until(is_so: Callable[[], bool]) -> float:
    """Wait until something is so."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError
        time.sleep(0.02)
    return time.monotonic() - began


def all_run(place: Place, name: str) -> bool:
    """Whether each worker has a trial."""
    return running(place, name) == WORKERS


def once(place: Place, name: str) -> dict[str, float]:
    """Let one study be paused, go on, and then be stopped or cancelled; give the seconds."""
    place.create(name, epochs=3 if name.endswith("stop") else 1000, trials=1000)
    workers = place.start_hpo("worker", name, "--workers", WORKERS)
    seconds_until(lambda: all_run(place, name))
    measured = {}

    def measure(want: Want, is_so: Callable[[], bool]) -> None:
        time.sleep(random.uniform(0, STEP))
        set_control(place.database, name, want)
        measured[want.value] = seconds_until(is_so)

    if name.endswith("stop"):
        measure(Want.STOP, lambda: running(place, name) == 0)
        measured["stop, workers have left"] = measured["stop"] + seconds_until(
            lambda: workers.poll() is not None
        )
    else:
        measure(Want.PAUSE, lambda: running(place, name) == 0)
        measure(Want.RUN, lambda: all_run(place, name))
        measure(Want.CANCEL, lambda: running(place, name) == 0)
    workers.wait(PATIENCE)
    return measured


def main() -> None:
    """Measure all of it several times."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with open_place(pause=STEP) as place:
        kinds = [f"{number}-{kind}" for number in range(times) for kind in ("pause", "stop")]
        measured = [once(place, kind) for kind in kinds]
    for want in dict.fromkeys(want for one in measured for want in one):
        seconds = [one[want] for one in measured if want in one]
        print(f"{want}: {min(seconds):.1f}, {median(seconds):.1f}, {max(seconds):.1f}")


if __name__ == "__main__":
    main()
