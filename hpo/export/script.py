"""Assembling the script of a trial, or of several."""

import ast
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from string import Template
from typing import Any

import black
from optuna.trial import FrozenTrial

from hpo.definition import Definition
from hpo.device import BACKENDS, KERNELS, THREADS
from hpo.errors import HpoError
from hpo.export.generators import Symbol
from hpo.export.head import facts, in_docstring
from hpo.export.members import TOLERANCE, Members
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
from hpo.export.packages import others, packages_behind, requirements
from hpo.export.pruning import long_names
from hpo.export.source import POSTPONING, Collector, Import, Source, names_used, statements
from hpo.export.specialise import Specialised, specialise
from hpo.export.trimming import Trimmed, trimmed
from hpo.models import Model, resolve
from hpo.storage.keys import SEED
from hpo.study import StoredStudy, space_of
from hpo.training.task import Task

LAYOUT = black.Mode(line_length=100)

ON_TOP = {"os", "sys"}  # before any definition

KERAS = Import("keras", None, None)
QUIET_TENSORFLOW = 'os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"'
QUIET_WITH_KERNELS = 'os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", {}="{}")  # as in the trial'
NO_WARNINGS = 'logging.getLogger("tensorflow").setLevel("ERROR")  # it warns of each new graph'
OTHER_BACKEND = 'os.environ.setdefault("KERAS_BACKEND", "{}")  # as the trial was trained'

READERS = {
    ".npy": "read_npy",
    ".npz": "read_npz",
    ".csv": "read_csv",
    ".gz": "read_csv",
    ".amat": "read_amat",
    ".parquet": "read_parquet",
}


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
            "file": in_docstring(file),
            "title": f"Train the {definition.model} that hpo found in the study {definition.name}.",
            "facts": facts(stored, trials),
            "requirements": requirements(inside | collector.inside, members.backend),
            "imports": statements(inside - third_party),
            "postponed": f"{POSTPONING.statement}\n\n" if collector.postpones else "",
            "quiet": quiet,
            "third_party": statements(third_party),
            "threads": " ".join(name for name in THREADS if "TF" not in name or has_keras),
            "constants": _constants(stored, members, body),
            "definitions": "\n\n\n".join(body.definitions),
            "given": _assigned(body.given),
        },
    )
    return black.format_str(script, mode=LAYOUT)


def modules_of(definition: Definition, model: Model, task: Task) -> tuple[str, ...]:
    """Return the modules of other packages that training code imports.

    Raises:
        HpoError: it can't stand in a script, as far as is known before it is imported.
    """
    collector = _collect(model, definition, several=False)
    refuse_own_names(collector, long_names({"task": task}))
    return tuple(others(collector.imports | collector.inside))


def _filled(text: str, parts: Mapping[str, object]) -> str:
    """Fill in a template, given as text or as the name of its file."""
    return Template(text_of(text) if text.endswith(".txt") else text).substitute(parts)


def _names_used(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in names_used(ast.parse(text))}


def _assigned(values: Mapping[str, object]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in values.items())


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
    behind = _packages_behind(collector, first)
    arguments = _arguments(model, members, first)
    asked = [name for name in ("PARAMS", "TASK") if name in " ".join(arguments.values())]
    name = model.Params.__name__ if members.several or "PARAMS" in asked else None
    classes = [*([name] if name else []), *(["Task"] if "TASK" in asked else [])]
    own = _own(stored, members, arguments, behind)
    left = specialise(texts, known, ["main", *classes], partly, own)
    aliases, definitions = _parted([text for text in left.texts if text is not None])
    whole = trimmed(definitions, name, "params") if name else Trimmed(definitions, ())
    return Body(
        aliases=aliases,
        definitions=whole.texts,
        constants=left.constants,
        given=_given(members, asked, task, whole.fields),
        environment=members.environment(behind),
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
    members: Members, asked: Sequence[str], task: Task, fields: Sequence[str]
) -> dict[str, str]:
    """Return the constants that functions still take, with these fields of Params."""
    made = [_made(params, fields) for params in members.params]
    given = {}
    if members.several:
        pairs = zip(made, members.trials, strict=True)
        seeds = ", ".join(f"({params}, {trial.user_attrs[SEED]})" for params, trial in pairs)
        given["MEMBERS"] = f"[{seeds}]"
    elif "PARAMS" in asked:
        given["PARAMS"] = made[0]
    return given | ({"TASK": repr(task)} if "TASK" in asked else {})


def _made(params: Any, fields: Iterable[str]) -> str:
    """Return the code that makes a trial's Params."""
    values = ", ".join(f"{name}={getattr(params, name)!r}" for name in fields)
    return f"{type(params).__name__}({values})"


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


def _own(
    stored: StoredStudy, members: Members, arguments: Mapping[str, str], behind: Sequence[str]
) -> list[str]:
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
        **_lenience(members, behind),
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
    """Collect what a script needs.

    Raises:
        HpoError: a part of it can't be read, or can't stand in a script.
    """
    try:
        return _collected(model, definition, several)
    except (OSError, SyntaxError, ValueError) as error:
        raise HpoError(f"{model.training} or what it imports can't be read: {error}") from error


def _collected(model: Model, definition: Definition, several: bool) -> Collector:
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


def _packages_behind(collector: Collector, left: Specialised) -> list[str]:
    """Return the packages that the values of this script depend on."""
    used = _names_used(text for text in left.texts if text)
    imports = {i for i in collector.imports if i.bound in used} | OWN_IMPORTS | collector.inside
    return packages_behind(imports)


def _before_keras(members: Members, definition: Definition) -> str:
    if members.backend != BACKENDS[0]:
        return OTHER_BACKEND.format(members.backend)
    chosen = QUIET_WITH_KERNELS.format(KERNELS, members.kernels)
    quiet = chosen if members.kernels else QUIET_TENSORFLOW
    trains_several = members.several or definition.evaluation.folds
    return "\n".join([quiet, *([NO_WARNINGS] if trains_several else [])])


def _lenience(members: Members, behind: Sequence[str]) -> dict[str, object]:
    """Return how far the values may be off, as code, and why, as a sentence."""
    if members.gpus:
        reason = f"a GPU adds up in no fixed order ({', '.join(members.gpus)})"
    elif members.differ(behind):
        reason = "the machines that trained it differ in versions or processors"
    else:
        lenience = f"With other versions or on another processor it may be off by {TOLERANCE}."
        return {"lenience": lenience, "tolerance": f"0 if here == ENVIRONMENT else {TOLERANCE}"}
    return {"lenience": f"It may be off by {TOLERANCE}: {reason}.", "tolerance": TOLERANCE}


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
