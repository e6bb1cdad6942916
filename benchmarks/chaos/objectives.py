"""The objective of a definition file, for processes that are no workers of hpo."""

from pathlib import Path

from hpo.device import use_one_thread

use_one_thread()

from hpo.data import load_dataset  # noqa: E402 - after the threads are set
from hpo.definition import load_definition  # noqa: E402
from hpo.objective import Objective, build_objective  # noqa: E402
from hpo.opening import import_code  # noqa: E402


def objective_of(path: Path) -> Objective:
    """Return the objective of a definition file whose rows lie beside it."""
    definition = load_definition(path)
    data = definition.data
    rows = load_dataset(
        path.parent / data.train,
        label=data.label,
        shape=data.shape,
        value_range=data.range,
        folds=definition.evaluation.folds or 2,
    )
    objective = build_objective(definition, rows, str(path))
    import_code(objective.model)
    return objective
