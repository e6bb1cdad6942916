"""Assemble the script of one trial."""

import ast
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from string import Template
from typing import Any

import black
from optuna.trial import FrozenTrial, TrialState

from hpo import __version__
from hpo.definition import Definition
from hpo.device import THREADS
from hpo.errors import HpoError, StudyError
from hpo.export.code import statements
from hpo.export.source import Collector, Import, Source, names_used
from hpo.export.specialise import Known, Specialised, Symbol, specialise
from hpo.models import Model, resolve
from hpo.study import ENVIRONMENT, SEED, StoredStudy, best_trial, space_of

TEMPLATE = Path(__file__).with_name("script.py.txt")
LAYOUT = black.Mode(line_length=100)

# What the script's own part imports, beside what the training code does.
OWN_IMPORTS = {
    *(Import(name, None, None) for name in ("argparse", "json", "os", "sys", "time")),
    Import("pathlib", "Path", None),
    Import("statistics", "fmean", None),
    Import("numpy", None, "np"),
    Import("numpy.typing", "NDArray", None),
    Import("sklearn.metrics", "classification_report", None),
    Import("sklearn.metrics", "confusion_matrix", None),
}

OWN_NAMES = {
    *("load", "score", "verify", "main", "PARAMS", "TASK", "WEIGHTS"),
    *("SEED", "VALUE", "TOLERANCE", "DATA_SHA256", "ENVIRONMENT"),
}

KERAS = Import("keras", None, None)
QUIET_KERAS = 'os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"'

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
    params = space_of(definition).suggest(trial)
    collector = _collect(model, definition)
    texts = [text for section in collector.sections() for text in section.definitions]
    known = _known(params, stored)
    left, given = _specialised(model, texts, known, _entries(definition))
    definitions = [text for text in left.texts if text is not None]
    imports = _imports(collector, definitions)
    third_party = {i for i in imports if i.top not in sys.stdlib_module_names}
    environment = _environment(trial, imports)
    script = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=f"Train the {definition.model} that hpo found in the study {definition.name}.",
        facts=_facts(stored, trial),
        requirements=_requirements(imports | collector.inside),
        file=file,
        imports=statements(imports - third_party),
        quiet=QUIET_KERAS if KERAS in imports else "",
        third_party=statements(third_party),
        threads=" ".join(name for name in THREADS if ("TF" in name) <= (KERAS in imports)),
        constants=_constants(stored, trial, left, environment),
        definitions="\n\n\n".join(definitions),
        given="\n".join(f"{name} = {value!r}" for name, value in given.items()),
        reader=_reader(definition),
        features=prod(stored.origin.task.shape),
        label=stored.origin.label_column,
        splits=_splits(definition),
        packages=[name for name in environment if name not in ("python", "processor")],
        metric=definition.evaluation.metric.value,
        **_arguments(model, left),
    )
    return black.format_str(script, mode=LAYOUT)


def _known(params: Any, stored: StoredStudy) -> dict[str, Any]:
    """Give what the functions that ship are called with; a script's fit hears of no step."""
    task = stored.origin.task
    if stored.origin.weights:
        task = replace(task, weights=Symbol("WEIGHTS"))  # type: ignore[arg-type]
    return {"params": params, "task": task, "_task": task, "on_step": None}


def _entries(definition: Definition) -> list[str]:
    """Give what the script's own part calls."""
    return [
        *("fit", "predict", "save", "environment", "split_label", "fingerprint"),
        _reader(definition),
        "folds" if definition.evaluation.folds else "holdout",
        definition.evaluation.metric.value,
    ]


def _specialised(
    model: Model, texts: Sequence[str], known: Known, entries: Sequence[str]
) -> tuple[Specialised, dict[str, Any]]:
    """Give what is left of definitions, and the constants that their functions still take."""
    left = specialise(texts, known, entries)
    given = {
        constant: value
        for constant, value in (("PARAMS", known["params"]), ("TASK", known["task"]))
        if any(constant in arguments for arguments in _arguments(model, left).values())
    }
    classes = [type(value).__name__ for value in given.values()]
    return specialise(texts, known, [*entries, *classes]), given


def _arguments(model: Model, left: Specialised) -> dict[str, str]:
    """Give the constants that the script's calls of fit and predict begin with."""
    code = Source(model.training).definitions
    calls = {"fit_with": ("fit", ("PARAMS", "TASK")), "predict_with": ("predict", ("", "TASK"))}
    found = {}
    for key, (name, constants) in calls.items():
        function = code[name]
        assert isinstance(function, ast.FunctionDef)
        taken = [argument.arg for argument in function.args.args]
        found[key] = "".join(
            f"{constant}, "
            for argument, constant in zip(taken, constants, strict=False)
            if constant and argument not in left.known
        )
    return found


def _imports(collector: Collector, definitions: Iterable[str]) -> set[Import]:
    """Give what the definitions that are left, and the script's own part, take from packages."""
    used = {name for text in definitions for name in names_used(ast.parse(text))}
    return {i for i in collector.imports if i.bound in used} | OWN_IMPORTS


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
    collector.add(model.Params.__module__, [model.Params.__name__])
    collector.add("hpo.training.task", ["Task"])
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


def _reader(definition: Definition) -> str:
    return READERS[Path(definition.data.train).suffix.lower()]


def _splits(definition: Definition) -> str:
    evaluation, seed = definition.evaluation, definition.seed
    if evaluation.folds:
        return f"folds(y, {evaluation.folds}, seed={seed})"
    return f"holdout(y, {evaluation.holdout}, seed={seed})"


def _environment(trial: FrozenTrial, imports: Iterable[Import]) -> dict[str, str]:
    """Give the part of what was recorded that this script depends on."""
    packages = [p for name in PACKAGES if name in {i.top for i in imports} for p in PACKAGES[name]]
    recorded = trial.user_attrs[ENVIRONMENT]
    return {name: recorded[name] for name in ("python", *packages, "processor")}


def _facts(stored: StoredStudy, trial: FrozenTrial) -> str:
    definition = stored.definition
    evaluation = definition.evaluation
    how = f"{evaluation.folds} folds" if evaluation.folds else f"a hold-out of {evaluation.holdout}"
    facts = {
        "study": f"{definition.name}, {definition.better} {evaluation.metric} on {how}",
        "trial": f"{trial.number}, value {trial.value}",
        "params": ", ".join(f"{name} {value}" for name, value in trial.params.items()),
        "date": f"{trial.datetime_complete:%Y-%m-%d}",
        "data": f"{definition.data.train}, sha256 {stored.origin.fingerprint[:16]}...",
        "written by": f"hpo {__version__}",
    }
    weights = stored.origin.weights
    if weights:
        facts["weights"] = f"pretrained on {weights.rows} rows: {weights.guard}"
    return "\n".join(
        textwrap.fill(f"{name:<11} {value}", width=98, subsequent_indent=" " * 12).replace(
            "\\", "/"
        )
        for name, value in facts.items()
    )


def _constants(
    stored: StoredStudy,
    trial: FrozenTrial,
    left: Specialised,
    environment: dict[str, str],
) -> str:
    constants = {
        "SEED": trial.user_attrs[SEED],
        "VALUE": trial.value,
        "TOLERANCE": f"{TOLERANCE}  # where versions or the processor differ; else 0",
        "DATA_SHA256": f'"{stored.origin.fingerprint}"',
        "ENVIRONMENT": environment,
        **left.constants,
    }
    if stored.origin.weights:
        name = Path(stored.origin.weights.file).name
        constants["WEIGHTS"] = f"Path(__file__).with_name({name!r})"
    return "\n".join(f"{name} = {value}" for name, value in constants.items())


def _requirements(imports: Iterable[Import]) -> str:
    """Give the packages to install, in words; joblib comes with scikit-learn."""
    modules = {i.top for i in imports} - sys.stdlib_module_names - {"joblib"}
    names = sorted(
        {"sklearn": "scikit-learn", "keras": "keras, tensorflow"}.get(m, m) for m in modules
    )
    return ", ".join(names)
