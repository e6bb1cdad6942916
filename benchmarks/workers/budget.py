"""Is a budget exact, however many workers share it?

    python benchmarks/workers/budget.py [TIMES]

Eight processes share a study of 20 trials, whose steps take next to no time, again and again.
Prints how many trials each study has, and exits with 1 unless it is 20 each time.
"""

import sys
from collections import Counter

from place import open_place

from hpo.study import load_study, trials_of

WORKERS, BUDGET, EPOCHS = 8, 20, 5


def main() -> None:
    """Run the studies one after the other."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    counts = []
    with open_place(pause=0.02) as place:
        for number in range(times):
            name = f"budget-{number}"
            place.create(name, epochs=EPOCHS, trials=BUDGET)
            place.hpo("worker", name, "--workers", WORKERS)
            states = Counter(
                trial.state.name for trial in trials_of(load_study(place.database, name))
            )
            print(f"{name}: {dict(states)}", flush=True)
            counts.append(states["COMPLETE"] if len(states) == 1 else 0)
    sys.exit(counts != [BUDGET] * times)


if __name__ == "__main__":
    main()
