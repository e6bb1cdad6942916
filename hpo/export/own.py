"""The script's own part, beside the training code: its templates, and the names that it uses."""

import builtins
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hpo.errors import HpoError
from hpo.export.source import Collector, Import

TEMPLATE = "script.py.txt"
OWN = "own.py.txt"  # the functions that use the training code

# Templates for what differs between the script of one trial and that of several.
SINGLE = {
    "verify": "single.py.txt",
    "train": "model = fit($fit_with X, y, SEED)",
    "saved": "save(model, args.out)",
    "predicted": "predict(model, $predict_with test[0])",
}
ENSEMBLE = {
    "verify": "ensemble.py.txt",
    "train": "models = [fit($fit_with X, y, seed) for params, seed in MEMBERS]",
    "saved": "save_all(models, args.out)",
    "predicted": "vote(models, test[0])",
}

# Templates for the evaluation of one trial.
HOLDOUT = """\
    [(train, valid)] = $splits
    value = score(
        y[valid], predict(fit($fit_with X[train], y[train], SEED), $predict_with X[valid])
    )"""
FOLDS = """\
    values = []
    for train, valid in $splits:
        model = fit($fit_with X[train], y[train], SEED)
        values.append(score(y[valid], predict(model, $predict_with X[valid])))
    value = fmean(values)"""

# Templates for checks that only some scripts need.
IN_RANGE = """
    if X.min() < $low or X.max() > $high:
        sys.exit(f"{path}: has a value that is not between $low and $high")"""
NEEDS_WEIGHTS = """
    if not WEIGHTS.is_file():
        sys.exit(f"{WEIGHTS}: is missing; hpo export -o writes it beside the script")"""

# The imports of the script's own part.
OWN_IMPORTS = {
    *(Import(name, None, None) for name in ("argparse", "json", "logging", "os", "sys")),
    Import("pathlib", "Path", None),
    Import("statistics", "fmean", None),
    Import("typing", "Any", None),
    Import("numpy", None, "np"),
    Import("numpy.typing", "NDArray", None),
    Import("sklearn.metrics", "classification_report", None),
    Import("sklearn.metrics", "confusion_matrix", None),
}

# The names of a trial's values in a script.
OWN_CONSTANTS = {
    *("PARAMS", "TASK", "WEIGHTS", "MEMBERS", "SEED", "VALUE"),
    *("DATA_SHA256", "ENVIRONMENT"),
}


def text_of(template: str) -> str:
    """Read a template's file."""
    return Path(__file__).with_name(template).read_text("utf-8")


def features_of(label: int, count: int) -> str:
    """Return the code that takes `count` features out of a table with or without a label column."""
    if label in (-1, count):
        return f"table[:, :{count}]"
    if label == 0:
        return f"table[:, -{count}:]"
    return f"table if table.shape[1] == {count} else np.delete(table, {label}, axis=1)"


def refuse_own_names(collector: Collector, constants: Iterable[str]) -> None:
    """Refuse training code with a name that means something else in the script's own part.

    `constants` are the names of long values in this script, beside those of every script.

    Raises:
        HpoError: there is such a name.
    """
    own = _names() | OWN_CONSTANTS | {*constants}
    imported = {needed.bound: needed for needed in OWN_IMPORTS}
    for needed in sorted(collector.imports, key=lambda needed: needed.statement):
        other = imported.setdefault(needed.bound, needed)
        if needed.bound in own or needed.bound in collector.python or other.brings != needed.brings:
            raise HpoError(
                f"`{needed.statement}` can't stand in a script, where {needed.bound} is something "
                "else; import it under another name"
            )
    for module, names in collector.names.items():
        others = {name for name, users in collector.python.items() if users - {module}}
        for name in sorted(names & (own | imported.keys() | others)):
            raise HpoError(
                f"{module}: {name} can't stand in a script, which has its own; rename it"
            )


def _names() -> set[str]:
    """Return the names that the templates define, and the built-ins that they use."""
    texts = [text_of(file) for file in (TEMPLATE, OWN, SINGLE["verify"], ENSEMBLE["verify"])]
    return {name for text in texts for name in _names_in(text)}


def _names_in(text: str) -> Iterator[str]:
    yield from re.findall(r"^(?:def )?(\w+)(?: =|\()", text, re.MULTILINE)
    called = re.findall(r"(?<![.\w])\w+(?![\w=])", text)  # neither an attribute nor a keyword
    yield from (name for name in called if hasattr(builtins, name))
