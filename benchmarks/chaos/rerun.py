"""Evaluates parameters where nothing disturbs: what the same trials should have come to.

    python benchmarks/chaos/rerun.py DEFINITION < PARAMS > VALUES

PARAMS is a JSON list of the parameters of trials, VALUES one of what they came to.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from objectives import objective_of
from optuna.trial import FixedTrial

from hpo.objective import Objective


def rerun(objective: Objective, params: dict[str, Any]) -> dict[str, Any]:
    """Evaluate the parameters of one trial."""
    built = objective.space.suggest(FixedTrial(params))
    curve: dict[int, float] = {}

    def report(step: int, value: Callable[[], float]) -> None:
        curve[step] = value()

    value = objective.evaluate(built, report)
    return {"seed": objective.seed_of(built), "value": value, "curve": curve}


def main() -> None:
    """Read from stdin, write to stdout."""
    objective = objective_of(Path(sys.argv[1]))
    print(json.dumps([rerun(objective, params) for params in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
