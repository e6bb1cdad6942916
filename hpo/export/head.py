"""The docstring of a script: facts about its trials."""

import textwrap
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from hpo import __version__
from hpo.study import StoredStudy
from hpo.wording import number


def facts(stored: StoredStudy, trials: Sequence[FrozenTrial]) -> str:
    """Return facts about the trials, one per line, for a docstring."""
    definition = stored.definition
    evaluation = definition.evaluation
    how = f"{evaluation.folds} folds" if evaluation.folds else f"a hold-out of {evaluation.holdout}"
    found = {
        "study": f"{definition.name}, {definition.direction} {evaluation.metric} on {how}",
        **dict(map(_fact, trials)),
        "date": f"{trials[0].datetime_complete:%Y-%m-%d}",
        "data": f"{definition.data.train}, sha256 {stored.origin.fingerprint[:16]}...",
        "written by": f"hpo {__version__}",
    }
    weights = stored.origin.weights
    if weights:
        found["weights"] = f"pretrained on {weights.rows} rows: {weights.guard}"
    return "\n".join(
        textwrap.fill(f"{name:<11} {in_docstring(value)}", width=98, subsequent_indent=" " * 12)
        for name, value in found.items()
    )


def in_docstring(text: str) -> str:
    """Return a text without what means something in a docstring."""
    return text.replace("\\", "/").replace('"', "'")


def _fact(trial: FrozenTrial) -> tuple[str, str]:
    params = "".join(f", {name} {number(value)}" for name, value in trial.params.items())
    return f"trial {trial.number}", f"value {trial.value}{params}"
