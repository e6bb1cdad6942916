"""Assemble the script of one trial."""

import sys
import textwrap
from collections.abc import Iterable
from math import prod
from pathlib import Path
from string import Template
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hpo import __version__
from hpo.definition import Definition
from hpo.device import THREADS
from hpo.errors import HpoError, StudyError
from hpo.export.code import joined, literal, statements
from hpo.export.source import Collector, Import
from hpo.models import Model, resolve
from hpo.search_space import SearchSpace, build
from hpo.study import ENVIRONMENT, SEED, StoredStudy, best_trial

TEMPLATE = Path(__file__).with_name("script.py.txt")

# What the script's own part imports, beside what the training code does.
OWN_IMPORTS = {
    *(Import(name, None, None) for name in ("argparse", "json", "os", "sys", "time")),
    Import("pathlib", "Path", None),
    Import("statistics", "fmean", None),
    Import("numpy", None, "np"),
    Import("numpy.typing", "NDArray", None),
}

OWN_NAMES = {
    *("load", "verify", "main"),
    *("PARAMS", "TASK", "SEED", "VALUE", "TOLERANCE", "DATA_SHA256", "ENVIRONMENT"),
}

KERAS = Import("keras", None, None)
QUIET_KERAS = """

# TensorFlow greets on stderr, whatever the settings, and warns of each new fold's graph.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
logging.getLogger("tensorflow").setLevel(logging.ERROR)
stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 2)
try:
    import keras
finally:
    os.dup2(stderr, 2)
"""

READERS = {
    ".npy": "read_npy",
    ".npz": "read_npz",
    ".csv": "read_csv",
    ".gz": "read_csv",
    ".amat": "read_amat",
    ".parquet": "read_parquet",
}

# The packages behind an import that decide over a value's digits.
PACKAGES = {
    "numpy": ("numpy",),
    "sklearn": ("scipy", "scikit-learn"),
    "keras": ("keras", "tensorflow"),
}

# How far a value may be off where versions or the processor differ: another order of sums turns
# single rows over for an SVM, and does to a network what another seed would.
TOLERANCE = 0.02


def write_script(stored: StoredStudy, number: int | None, file: str) -> str:
    """Give the script of a trial, or of the best one where number is None; file is its name.

    Raises:
        StudyError: there is no such trial, or it has no full evaluation to repeat.
        HpoError: the model's training code needs something that can't stand in a script.
    """
    trial = _chosen(stored, number)
    definition = stored.definition
    model = resolve(definition.model, f'study "{definition.name}"')
    collector = _collect(model, definition)
    imports = collector.imports | OWN_IMPORTS
    keras = imports & {KERAS}
    imports |= {Import("logging", None, None)} if keras else set()
    standard = {i for i in imports if i.module.partition(".")[0] in sys.stdlib_module_names}
    environment = _environment(trial, imports)
    values = _values_modules(model)
    sections = collector.sections()
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=f"Train the {definition.model} that hpo found in the study {definition.name}.",
        facts=_facts(stored, trial, environment),
        requirements=_requirements(imports | collector.inside),
        file=file,
        imports=statements(standard),
        third_party=statements(imports - keras - standard) + (QUIET_KERAS if keras else ""),
        threads="".join(f'        "{name}",\n' for name in THREADS),
        classes=joined(s.code for s in sections if s.module in values),
        constants=_constants(stored, trial, model, environment),
        sections=joined(
            f"# ---- {s.title}\n\n\n{s.code}" for s in sections if s.module not in values
        ),
        reader=_reader(definition),
        features=prod(stored.origin.task.shape),
        label=stored.origin.label_column,
        splits=_splits(definition),
        metric=definition.evaluation.metric.value,
    )


def _chosen(stored: StoredStudy, number: int | None) -> FrozenTrial:
    name = stored.definition.name
    if number is None:
        best = best_trial(stored)
        if best is None:
            raise StudyError(f'the study "{name}" has no trial yet that climbed all the way')
        return best
    trials = stored.study.get_trials(deepcopy=False)
    if not 0 <= number < len(trials):
        raise StudyError(f'the study "{name}" has no trial {number}; it has {len(trials)}, from 0')
    state = trials[number].state
    if state is not TrialState.COMPLETE:
        raise StudyError(
            f'trial {number} of the study "{name}" is {state.name.lower()}: '
            "only a complete one has a value to repeat"
        )
    return trials[number]


def _collect(model: Model, definition: Definition) -> Collector:
    own_package = model.training.partition(".")[0]
    collector = Collector(tuple({"hpo.training", own_package} - {"hpo"}))
    for module, name in _values_modules(model).items():
        collector.add(module, [name])
    collector.add(model.training, ["fit", "predict", "save"])
    collector.add("hpo.training.splits", ["folds" if definition.evaluation.folds else "holdout"])
    collector.add("hpo.training.metrics", [definition.evaluation.metric])
    collector.add("hpo.training.rows", [_reader(definition), "split_label", "fingerprint"])
    collector.add("hpo.training.environment", ["environment"])
    for module, names in collector.names.items():
        for name in sorted(names & OWN_NAMES):
            raise HpoError(
                f"{module}: {name} can't stand in a script, which has its own; rename it"
            )
    return collector


def _values_modules(model: Model) -> dict[str, str]:
    """Give the modules whose dataclasses stand at the top of the script, with their names."""
    return {model.Params.__module__: model.Params.__name__, "hpo.training.task": "Task"}


def _reader(definition: Definition) -> str:
    return READERS[Path(definition.data.train).suffix.lower()]


def _splits(definition: Definition) -> str:
    evaluation, seed = definition.evaluation, definition.seed
    if evaluation.folds:
        return f"folds(y, {evaluation.folds}, seed={seed})"
    return f"holdout(y, {evaluation.holdout}, seed={seed})"


def _environment(trial: FrozenTrial, imports: Iterable[Import]) -> dict[str, str]:
    """Give the part of what was recorded that this script depends on."""
    packages = [p for name in PACKAGES if name in _top_level(imports) for p in PACKAGES[name]]
    recorded = trial.user_attrs[ENVIRONMENT]
    return {name: recorded[name] for name in ("python", *packages, "processor")}


def _facts(stored: StoredStudy, trial: FrozenTrial, environment: dict[str, str]) -> str:
    definition = stored.definition
    evaluation = definition.evaluation
    how = f"{evaluation.folds} folds" if evaluation.folds else f"a hold-out of {evaluation.holdout}"
    facts = {
        "study": f"{definition.name}, {definition.better} {evaluation.metric} on {how}",
        "trial": f"{trial.number}, value {trial.value}",
        "date": f"{trial.datetime_complete:%Y-%m-%d}",
        "data": f"{definition.data.train}, sha256 {stored.origin.fingerprint[:16]}...",
        "versions": ", ".join(f"{name} {value}" for name, value in environment.items()),
        "written by": f"hpo {__version__}",
    }
    return "\n".join(
        textwrap.fill(f"{name:<11} {value}", width=98, subsequent_indent=" " * 12).replace(
            "\\", "/"
        )
        for name, value in facts.items()
    )


def _constants(
    stored: StoredStudy, trial: FrozenTrial, model: Model, environment: dict[str, str]
) -> str:
    name = f'study "{stored.definition.name}"'
    space: SearchSpace[Any] = build(stored.definition, model.Params, model.parameters, name)
    constants = {
        "PARAMS": literal(space.suggest(trial)),
        "TASK": literal(stored.origin.task),
        "SEED": trial.user_attrs[SEED],
        "VALUE": trial.value,
        "TOLERANCE": f"{TOLERANCE}  # where versions or the processor differ; else 0",
        "DATA_SHA256": f'"{stored.origin.fingerprint}"',
        "ENVIRONMENT": literal(environment),
    }
    return "\n".join(f"{name} = {value}" for name, value in constants.items())


def _requirements(imports: Iterable[Import]) -> str:
    """Give the packages to install, in words; joblib comes with scikit-learn."""
    modules = _top_level(imports) - sys.stdlib_module_names - {"joblib"}
    names = sorted(
        {"sklearn": "scikit-learn", "keras": "keras, tensorflow"}.get(m, m) for m in modules
    )
    return ", ".join(names)


def _top_level(imports: Iterable[Import]) -> set[str]:
    return {needed.module.partition(".")[0] for needed in imports}
