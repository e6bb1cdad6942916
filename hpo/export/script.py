"""Assemble the script of one trial."""

import ast
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from string import Template
from types import SimpleNamespace
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
from hpo.study import ENVIRONMENT, SEED, StoredStudy, best_trials, space_of

TEMPLATE = "script.py.txt"

# What differs between the script of one trial and that of several, as templates themselves.
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


def write_script(stored: StoredStudy, trials: Sequence[FrozenTrial], file: str) -> str:
    """Give the script of a trial, or of several that are averaged; file is its name.

    Raises:
        HpoError: the model's training code needs something that can't stand in a script.
    """
    definition = stored.definition
    model = resolve(definition.model, f'study "{definition.name}"')
    space = space_of(definition)
    members = Members(trials, [space.suggest(trial) for trial in trials])
    collector = _collect(model, definition, members)
    texts = [text for section in collector.sections() for text in section.definitions]
    known, entries = _known(members, stored), _entries(definition, members)
    left, given = _specialised(model, members, texts, known, entries)
    definitions = [text for text in left.texts if text is not None]
    imports = _imports(collector, definitions, members)
    third_party = {i for i in imports if i.top not in sys.stdlib_module_names}
    environment = _environment(trials[0], imports)
    parts: dict[str, object] = {
        "file": file,
        "title": f"Train the {definition.model} that hpo found in the study {definition.name}.",
        "facts": _facts(stored, trials),
        "requirements": _requirements(imports | collector.inside),
        "imports": statements(imports - third_party),
        "quiet": QUIET_KERAS if KERAS in imports else "",
        "third_party": statements(third_party),
        "threads": " ".join(name for name in THREADS if ("TF" in name) <= (KERAS in imports)),
        "constants": _constants(stored, members, left, environment),
        "definitions": "\n\n\n".join(definitions),
        "given": "\n".join(f"{name} = {value}" for name, value in given.items()),
        "reader": _reader(definition),
        "features": prod(stored.origin.task.shape),
        "label": stored.origin.label_column,
        "splits": _splits(definition),
        "packages": [name for name in environment if name not in ("python", "processor")],
        "metric": definition.evaluation.metric.value,
        "classes": stored.origin.task.classes,
        **_arguments(model, members, left),
    }
    form = ENSEMBLE if members.several else SINGLE
    for name, text in form.items():
        parts[name] = _filled(text, parts)
    return black.format_str(_filled(TEMPLATE, parts), mode=LAYOUT)


def _filled(text: str, parts: Mapping[str, object]) -> str:
    """Give a template, or that of a file, with its parts."""
    file = Path(__file__).with_name(text)
    return Template(file.read_text("utf-8") if text.endswith(".txt") else text).substitute(parts)


@dataclass(frozen=True)
class Members:
    """The trials of a script, and their params."""

    trials: Sequence[FrozenTrial]
    params: Sequence[Any]

    @property
    def several(self) -> bool:
        """Whether the script averages."""
        return len(self.trials) > 1

    @property
    def common(self) -> Any:
        """What is the same in all of them, by attributes."""
        if not self.several:
            return self.params[0]
        first, *others = map(asdict, self.params)
        same = {k: v for k, v in first.items() if all(other[k] == v for other in others)}
        return SimpleNamespace(**same)


def _known(members: Members, stored: StoredStudy) -> dict[str, Any]:
    """Give what the functions that ship are called with; a script's fit hears of no step."""
    task = stored.origin.task
    if stored.origin.weights:
        task = replace(task, weights=Symbol("WEIGHTS"))  # type: ignore[arg-type]
    return {"params": members.common, "task": task, "_task": task, "on_step": None}


def _entries(definition: Definition, members: Members) -> list[str]:
    """Give what the script's own part calls."""
    return [
        *(["scores"] if members.several else []),
        *("fit", "predict", "save", "environment", "split_label", "fingerprint"),
        _reader(definition),
        "folds" if definition.evaluation.folds else "holdout",
        definition.evaluation.metric.value,
    ]


def _specialised(
    model: Model, members: Members, texts: Sequence[str], known: Known, entries: Sequence[str]
) -> tuple[Specialised, dict[str, str]]:
    """Give what is left of definitions, and the constants that their functions still take."""
    partly = frozenset({"params"} if members.several else ())
    left = specialise(texts, known, entries, partly)
    asked = " ".join(_arguments(model, members, left).values())
    given, classes = {}, []
    if members.several:
        pairs = zip(members.params, members.trials, strict=True)
        seeds = ", ".join(f"({params!r}, {trial.user_attrs[SEED]})" for params, trial in pairs)
        given["MEMBERS"] = f"[{seeds}]"
        classes.append(model.Params.__name__)
    elif "PARAMS" in asked:
        given["PARAMS"] = repr(members.params[0])
        classes.append(model.Params.__name__)
    if "TASK" in asked:
        given["TASK"] = repr(known["task"])
        classes.append("Task")
    return specialise(texts, known, [*entries, *classes], partly), given


def _arguments(model: Model, members: Members, left: Specialised) -> dict[str, str]:
    """Give what the script's calls of fit and predict begin with."""
    code = Source(model.training).definitions
    params = "params" if members.several else "PARAMS"
    calls = {"fit_with": ("fit", (params, "TASK")), "predict_with": ("predict", ("", "TASK"))}
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


def _imports(collector: Collector, definitions: Iterable[str], members: Members) -> set[Import]:
    """Give what the definitions that are left, and the script's own part, take from packages."""
    used = {name for text in definitions for name in names_used(ast.parse(text))}
    own = OWN_IMPORTS | ({Import("typing", "Any", None)} if members.several else set())
    return {i for i in collector.imports if i.bound in used} | own


def chosen(stored: StoredStudy, number: int) -> list[FrozenTrial]:
    """Give the trial of a number.

    Raises:
        StudyError: there is no such trial, or it has no full evaluation to repeat.
    """
    name = stored.definition.name
    trials = stored.study.get_trials(deepcopy=False)
    if not 0 <= number < len(trials):
        raise StudyError(f'the study "{name}" has no trial {number}; it has {len(trials)}, from 0')
    state = trials[number].state
    if state is not TrialState.COMPLETE:
        raise StudyError(
            f'trial {number} of the study "{name}" is {state.name.lower()}: '
            "only a complete one has a value to repeat"
        )
    return [trials[number]]


def best(stored: StoredStudy, count: int = 1) -> list[FrozenTrial]:
    """Give the best trials, the best first, of the same params only one.

    Raises:
        StudyError: so many have not climbed all the way.
    """
    name = stored.definition.name
    found: list[FrozenTrial] = []
    for trial in best_trials(stored):
        if all(trial.params != other.params for other in found):
            found.append(trial)
    if not found:
        raise StudyError(f'the study "{name}" has no trial yet that climbed all the way')
    if len(found) < count:
        raise StudyError(
            f'the study "{name}" has only {len(found)} different trials that climbed all the way, '
            f"not {count}"
        )
    return found[:count]


def _collect(model: Model, definition: Definition, members: Members) -> Collector:
    own_package = model.training.partition(".")[0]
    collector = Collector(tuple({"hpo.training", own_package} - {"hpo"}))
    collector.add(model.Params.__module__, [model.Params.__name__])
    collector.add("hpo.training.task", ["Task"])
    collector.add(model.training, ["fit", "predict", "save"])
    if members.several:
        if "scores" not in Source(model.training).definitions:
            raise HpoError(f"{model.training} has no function scores, which are what is averaged")
        collector.add(model.training, ["scores"])
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


def _facts(stored: StoredStudy, trials: Sequence[FrozenTrial]) -> str:
    definition = stored.definition
    evaluation = definition.evaluation
    how = f"{evaluation.folds} folds" if evaluation.folds else f"a hold-out of {evaluation.holdout}"
    facts = {
        "study": f"{definition.name}, {definition.better} {evaluation.metric} on {how}",
        **dict(map(_fact, trials)),
        "date": f"{trials[0].datetime_complete:%Y-%m-%d}",
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


def _fact(trial: FrozenTrial) -> tuple[str, str]:
    params = "".join(f", {name} {value}" for name, value in trial.params.items())
    return f"trial {trial.number}", f"value {trial.value}{params}"


def _constants(
    stored: StoredStudy, members: Members, left: Specialised, environment: dict[str, str]
) -> str:
    values, first = [trial.value for trial in members.trials], members.trials[0]
    constants = {
        **({} if members.several else {"SEED": first.user_attrs[SEED]}),
        "VALUE": values if members.several else values[0],
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
