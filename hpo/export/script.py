"""Assembling the script of a trial, or of several."""

import ast
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from string import Template
from types import SimpleNamespace
from typing import Any

import black
from optuna.trial import FrozenTrial

from hpo.definition import Definition
from hpo.device import BACKENDS, KERNELS, THREADS
from hpo.errors import HpoError
from hpo.export.generators import Known, Symbol
from hpo.export.head import facts, requirements
from hpo.export.own import (
    ENSEMBLE,
    FOLDS,
    HOLDOUT,
    IN_RANGE,
    NEEDS_WEIGHTS,
    OWN,
    OWN_IMPORTS,
    SINGLE,
    TEMPLATE,
    features_of,
    refuse_own_names,
    text_of,
)
from hpo.export.pruning import long_names
from hpo.export.source import Collector, Import, Source, names_used, statements
from hpo.export.specialise import Specialised, specialise
from hpo.models import Model, resolve
from hpo.storage.keys import DEVICE, ENVIRONMENT, SEED
from hpo.study import StoredStudy, space_of
from hpo.training.task import Task

LAYOUT = black.Mode(line_length=100)

ON_TOP = {"os", "sys"}  # before any definition

KERAS = Import("keras", None, None)
QUIET_TENSORFLOW = 'os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"'
NO_WARNINGS = 'logging.getLogger("tensorflow").setLevel("ERROR")  # it warns of each new graph'
CHOSEN_KERNELS = 'os.environ["{}"] = "{}"  # as the trial was trained'
OTHER_BACKEND = 'os.environ.setdefault("KERAS_BACKEND", "{}")  # as the trial was trained'

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
    "sklearn": ("scikit-learn",),
    "sklearn.svm": ("scipy",),
    "keras": ("keras", *BACKENDS),
}

# How far a value may be off where versions or the processor differ: another order of sums turns
# single rows over for an SVM, and does to a network what another seed would.
TOLERANCE = 0.02


def write_script(stored: StoredStudy, trials: Sequence[FrozenTrial], file: str) -> str:
    """Return the script of a trial, or of several to be averaged; `file` is its name.

    Raises:
        HpoError: the model's training code needs something that can't stand in a script.
    """
    definition = stored.definition
    model = resolve(definition.model, f'study "{definition.name}"')
    space = space_of(definition)
    members = Members(trials, [space.suggest(trial) for trial in trials])
    collector = _collect(model, definition, members.several)
    refuse_own_names(collector, long_names(_known(members.common, stored.origin.task)))
    body = _body(stored, model, members, collector)
    has_keras = KERAS in collector.imports and KERAS.bound in body.used
    quiet = f"{_before_keras(members, definition)}\n" if has_keras else ""
    used = body.used | ON_TOP | _names_used([quiet])
    inside = {i for i in collector.imports | OWN_IMPORTS if i.bound in used}
    third_party = {i for i in inside if i.top not in sys.stdlib_module_names}
    script = _filled(
        TEMPLATE,
        {
            "file": file,
            "title": f"Train the {definition.model} that hpo found in the study {definition.name}.",
            "facts": facts(stored, trials),
            "requirements": requirements(inside | collector.inside, members.backend),
            "imports": statements(inside - third_party),
            "quiet": quiet,
            "third_party": statements(third_party),
            "threads": " ".join(name for name in THREADS if "TF" not in name or has_keras),
            "constants": _constants(stored, members, body),
            "definitions": "\n\n\n".join(body.definitions),
            "given": _assigned(body.given),
        },
    )
    return black.format_str(script, mode=LAYOUT)


def obstacle(definition: Definition, model: Model, task: Task) -> str | None:
    """Describe why training code can't stand in a script; None if it can, as far as is known."""
    try:
        collector = _collect(model, definition, several=False)
        refuse_own_names(collector, long_names({"task": task}))
    except (HpoError, OSError, SyntaxError, ValueError) as error:  # it was not imported yet
        return str(error)
    return None


def _filled(text: str, parts: Mapping[str, object]) -> str:
    """Fill in a template, given as text or as the name of its file."""
    return Template(text_of(text) if text.endswith(".txt") else text).substitute(parts)


def _names_used(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in names_used(ast.parse(text))}


def _assigned(values: Mapping[str, object]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in values.items())


@dataclass(frozen=True)
class Members:
    """The trials of a script, and the Params of each."""

    trials: Sequence[FrozenTrial]
    params: Sequence[Any]

    @property
    def several(self) -> bool:
        """Whether the script averages several trials."""
        return len(self.trials) > 1

    @property
    def backend(self) -> str:
        """The backend of Keras that the first trial ran with, or would have."""
        recorded = self.trials[0].user_attrs[ENVIRONMENT]
        return next((name for name in BACKENDS if name in recorded), BACKENDS[0])

    @property
    def kernels(self) -> str:
        """The first trial's setting of TensorFlow's kernels; empty if it had none."""
        device: Mapping[str, str] = self.trials[0].user_attrs.get(DEVICE, {})
        return device.get("kernels", "")

    @property
    def gpus(self) -> list[str]:
        """The names of the GPUs that they ran on; empty if all ran on CPUs."""
        devices = [trial.user_attrs.get(DEVICE, {}) for trial in self.trials]
        return sorted({device["gpu"] for device in devices if "gpu" in device})

    @property
    def common(self) -> Any:
        """The parameters that all trials share, as attributes."""
        if not self.several:
            return self.params[0]
        first, *others = map(asdict, self.params)
        same = {k: v for k, v in first.items() if all(other[k] == v for other in others)}
        return SimpleNamespace(**same)


@dataclass(frozen=True, kw_only=True)
class Body:
    """The specialised code of a script, and what it depends on."""

    aliases: Sequence[str]  # that need none of the definitions
    definitions: Sequence[str]
    constants: Mapping[str, Any]  # that the definitions call by name
    given: Mapping[str, str]  # what its functions are called with, after the definitions
    environment: Mapping[str, str]  # what was recorded of what it depends on

    @property
    def used(self) -> set[str]:
        """The global and built-in names that it uses."""
        return _names_used((*self.aliases, *self.definitions))


def _body(stored: StoredStudy, model: Model, members: Members, collector: Collector) -> Body:
    """Specialise the training code and the script's own part."""
    texts = collector.definitions()
    task = stored.origin.task
    if stored.origin.weights:
        task = replace(task, weights=Symbol("WEIGHTS"))  # type: ignore[arg-type]
    known, entries = _known(members.common, task), _entries(stored.definition, members)
    partly = frozenset({"params"} if members.several else ())
    first = specialise(texts, known, entries, partly)  # says which arguments are left
    environment = _environment(members.trials[0], collector, first)
    arguments = _arguments(model, members, first)
    given, classes = _given(model, members, known, " ".join(arguments.values()))
    own = _own(stored, members, arguments)
    left = specialise(texts, known, ["main", *classes], partly, own)
    aliases, definitions = _parted([text for text in left.texts if text is not None])
    return Body(
        aliases=aliases,
        definitions=definitions,
        constants=left.constants,
        given=given,
        environment=environment,
    )


def _known(params: Any, task: Task) -> dict[str, Any]:
    """Return the known arguments of the functions that ship; a script has no on_step."""
    return {"params": params, "task": task, "_task": task, "on_step": None}


def _entries(definition: Definition, members: Members) -> list[str]:
    """Return the names of the functions that the script's own part calls."""
    return [
        *(["scores"] if members.several else []),
        *("fit", "predict", "save", "environment", "fingerprint"),
        _reader(definition),
        "folds" if definition.evaluation.folds else "holdout",
        definition.evaluation.metric.value,
    ]


def _given(
    model: Model, members: Members, known: Known, asked: str
) -> tuple[dict[str, str], list[str]]:
    """Return the constants that functions still take, and the names of their classes."""
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
    return given, classes


def _arguments(model: Model, members: Members, left: Specialised) -> dict[str, str]:
    """Return the first arguments of the script's calls of fit, predict and scores."""
    code = Source(model.training).definitions
    params = "params" if members.several else "PARAMS"
    calls = {"fit_with": ("fit", (params, "TASK")), "predict_with": ("predict", ("", "TASK"))}
    if members.several:
        calls["score_with"] = ("scores", ("", "TASK"))
    found = {}
    for key, (name, constants) in calls.items():
        taken = [argument.arg for argument in _require_function(model, code[name]).args.args]
        found[key] = "".join(
            f"{constant}, "
            for argument, constant in zip(taken, constants, strict=False)
            if constant and argument not in left.known
        )
    return found


def _require_function(model: Model, node: ast.stmt) -> ast.FunctionDef:
    if not isinstance(node, ast.FunctionDef):
        raise HpoError(
            f"{model.training}: `{ast.unparse(node)}` can't stand in a script: define it with def"
        )
    return node


def _own(stored: StoredStudy, members: Members, arguments: Mapping[str, str]) -> list[str]:
    """Return the source of each definition of the script's own part."""
    definition, task = stored.definition, stored.origin.task
    filled: dict[str, object] = {
        **arguments,
        "reader": _reader(definition),
        "kinds": tuple(k for k, reader in READERS.items() if reader == _reader(definition)),
        "features": prod(task.shape),
        "columns": prod(task.shape) + 1,
        "label": stored.origin.label_column,
        "pixels": features_of(stored.origin.label_column, prod(task.shape)),
        "range": _range(definition),
        "splits": _splits(definition),
        "metric": definition.evaluation.metric.value,
        "classes": "CLASSES" if _named_classes(task) else task.classes,
        "weights": NEEDS_WEIGHTS if stored.origin.weights else "",
        "lenience": _lenience(members),
        "tolerance": TOLERANCE if members.gpus else f"0 if here == ENVIRONMENT else {TOLERANCE}",
    }
    filled["evaluation"] = _filled(FOLDS if definition.evaluation.folds else HOLDOUT, filled)
    for name, text in (ENSEMBLE if members.several else SINGLE).items():
        filled[name] = _filled(text, filled)
    text = _filled(OWN, filled)
    lines = text.splitlines()
    return ["\n".join(lines[n.lineno - 1 : n.end_lineno]) for n in ast.parse(text).body]


def _named_classes(task: Task) -> dict[str, tuple[int, ...]]:
    """Return the labels under the name that a script gives them; empty if they are few."""
    return {"CLASSES": task.classes} if "CLASSES" in long_names({"task": task}) else {}


def _parted(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Separate assignments that need no other definition of the script from the rest."""
    nodes = {text: ast.parse(text).body[0] for text in texts}
    own = {n.name for n in nodes.values() if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    aliases, rest = [], []
    for text, node in nodes.items():
        is_assignment = isinstance(node, ast.Assign | ast.AnnAssign)
        if is_assignment and own.isdisjoint(names_used(node)):
            aliases.append(text)
            continue
        rest.append(text)
        own |= {n.id for n in ast.walk(node) if is_assignment and isinstance(n, ast.Name)}
    return aliases, rest


def _collect(model: Model, definition: Definition, several: bool) -> Collector:
    own_package = model.training.partition(".")[0]
    collector = Collector(tuple({"hpo.training", own_package} - {"hpo"}))
    collector.add(model.Params.__module__, [model.Params.__name__])
    collector.add("hpo.training.task", ["Task"])
    code, names = Source(model.training).definitions, ["fit", "predict", "save"]
    if several:
        if "scores" not in code:
            raise HpoError(f"{model.training} has no function scores, which are what is averaged")
        names.append("scores")
    collector.add(model.training, names)
    for name in names:
        _require_function(model, code[name])
    collector.add("hpo.training.splits", ["folds" if definition.evaluation.folds else "holdout"])
    collector.add("hpo.training.metrics", [definition.evaluation.metric])
    collector.add("hpo.training.rows", [_reader(definition), "fingerprint"])
    collector.add("hpo.training.environment", ["environment"])
    collector.refuse_changes()
    return collector


def _reader(definition: Definition) -> str:
    return READERS[Path(definition.data.train).suffix.lower()]


def _range(definition: Definition) -> str:
    if definition.data.range is None:
        return ""
    low, high = definition.data.range
    return _filled(IN_RANGE, {"low": low, "high": high})


def _splits(definition: Definition) -> str:
    evaluation, seed = definition.evaluation, definition.seed
    if evaluation.folds:
        return f"folds(y, {evaluation.folds}, {seed})"
    return f"holdout(y, {evaluation.holdout}, {seed})"


def _environment(trial: FrozenTrial, collector: Collector, left: Specialised) -> dict[str, str]:
    """Return the part of the recorded environment that this script depends on."""
    used = _names_used(text for text in left.texts if text)
    imports = {i for i in collector.imports if i.bound in used} | OWN_IMPORTS
    modules = {module for i in imports for module in (i.top, i.module)}
    packages = [package for module in PACKAGES if module in modules for package in PACKAGES[module]]
    recorded = trial.user_attrs[ENVIRONMENT]
    return {n: recorded[n] for n in ("python", *packages, "processor") if n in recorded}


def _before_keras(members: Members, definition: Definition) -> str:
    if members.backend != BACKENDS[0]:
        return OTHER_BACKEND.format(members.backend)
    chosen = [CHOSEN_KERNELS.format(KERNELS, members.kernels)] if members.kernels else []
    trains_several = members.several or definition.evaluation.folds
    return "\n".join([QUIET_TENSORFLOW, *chosen, *([NO_WARNINGS] if trains_several else [])])


def _lenience(members: Members) -> str:
    if members.gpus:
        gpus = ", ".join(members.gpus)
        return f"It may be off by {TOLERANCE}: a GPU adds up in no fixed order ({gpus})."
    return f"With other versions or on another processor it may be off by {TOLERANCE}."


def _constants(stored: StoredStudy, members: Members, body: Body) -> str:
    values, first = [trial.value for trial in members.trials], members.trials[0]
    constants = {
        **({} if members.several else {"SEED": first.user_attrs[SEED]}),
        "VALUE": values if members.several else values[0],
        "DATA_SHA256": f'"{stored.origin.fingerprint}"',
        "ENVIRONMENT": body.environment,
        **_named_classes(stored.origin.task),
        **body.constants,
    }
    if stored.origin.weights:
        name = Path(stored.origin.weights.file).name
        constants["WEIGHTS"] = f"Path(__file__).with_name({name!r})"
    return "\n".join([*body.aliases, _assigned(constants)])
