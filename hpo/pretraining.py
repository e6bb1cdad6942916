"""Pretraining: weights that a network learns once on other rows, for all trials of a study."""

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FixedTrial

from hpo.data import Dataset, sha256_of
from hpo.definition import Choice, Definition, in_toml
from hpo.errors import DataError, DefinitionError
from hpo.models import Labels, Model
from hpo.search_space import SearchSpace, build
from hpo.training.task import Task

Say = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A file of pretrained weights, and what they were made from."""

    file: str  # beside the pretraining rows, as a path of the definition
    sha256: str
    rows: int
    rows_sha256: str
    sources_sha256: str | None  # of the list that shows that no test row was made from the rows

    @property
    def guard(self) -> str:
        """What is known about leaked test rows."""
        if self.sources_sha256 is None:
            return "their sources are unknown: some may be in the test rows"
        return "none of them is the source of a test row"


def pretraining_params(definition: Definition, model: Model, task: Task, y: Labels) -> Any:
    """Return the Params of the pretraining: the study's network, trained as [pretraining] says.

    Raises:
        DefinitionError: the network is not the same in all trials, or a value is not allowed.
    """
    assert definition.pretraining is not None
    source = f'study "{definition.name}"'
    own = definition.pretraining.fixed
    _require_one_network(definition, model, own, source)
    network = {name: value for name, value in definition.fixed.items() if name in model.network}
    all_fixed = definition.model_copy(update={"space": {}, "fixed": network | dict(own)})
    try:
        space: SearchSpace[Any] = build(all_fixed, model.Params, model.parameters, source)
    except DefinitionError as error:
        name = error.key.partition(".")[2]
        table = "fixed" if name in network else "pretraining.fixed"
        raise DefinitionError(source, f"{table}.{name}", error.problem) from error
    problem = model.problem(space, task, np.unique(y, return_counts=True)[1])
    if problem is not None:
        raise DefinitionError(source, "pretraining", problem)
    return space.suggest(FixedTrial({}))


def _require_one_network(
    definition: Definition, model: Model, own: Mapping[str, Choice], source: str
) -> None:
    """Refuse a pretraining whose weights would not fit the network of every trial."""
    if not model.network:
        raise DefinitionError(
            source, "pretraining", f"the model {definition.model} can't start from given weights"
        )
    for name in model.network:
        for key, values in (("space", definition.space), ("pretraining.fixed", own)):
            if name in values:
                raise DefinitionError(
                    source,
                    f"{key}.{name}",
                    f"is {in_toml(values[name])}, but pretrained weights fit one network: "
                    f"give one value in [fixed]",
                )
    for name in model.trials_only & own.keys():
        raise DefinitionError(
            source, f"pretraining.fixed.{name}", "has a meaning in trials alone; leave it out here"
        )


def pretrain(
    definition: Definition, model: Model, task: Task, rows: Dataset, sources: Path | None, say: Say
) -> Weights:
    """Return the weights of a definition's pretraining, training them unless their file exists.

    `sources` is the list by which to check that no test row was made from one of the rows.

    Raises:
        DefinitionError: the parameters don't suit the model or the rows.
        DataError: the rows don't suit the task, one is the source of a test row, or the weights
            can't be written beside them.
    """
    assert definition.pretraining is not None
    _require_same_classes(rows, task)
    assert rows.y is not None
    params = pretraining_params(definition, model, task, rows.y)
    guard = _guard(sources, rows) if sources else None
    made_of = f"{definition.model} {params} {task} {definition.seed} {rows.fingerprint}"
    name = f"pretrained-{sha256(made_of.encode()).hexdigest()[:12]}.keras"
    path = Path(rows.source).with_name(name)
    if not path.exists():
        say(f"pretraining on {len(rows.X):,} rows of {rows.source}, once: {path}")
        _train(model, params, task, rows, definition.seed, path)
    return Weights(
        file=str(Path(definition.pretraining.train).with_name(name)),
        sha256=sha256_of(path),
        rows=len(rows.X),
        rows_sha256=rows.fingerprint,
        sources_sha256=guard,
    )


def refuse_shared_rows(rows: Dataset, searched: NDArray[np.float32]) -> None:
    """Refuse pretraining rows that are also rows of the study, on which trials are evaluated.

    `searched` holds the rows of the study, as (n, features).

    Raises:
        DataError: there are such rows.
    """
    known = {_digest(row) for row in searched}
    shared = [number for number, row in enumerate(rows.X) if _digest(row) in known]
    if shared:
        raise DataError(
            rows.source,
            f"{len(shared)} rows are rows of the study, too, the first is row {shared[0]}, counted "
            "from 0: trials would be evaluated on rows seen in pretraining, so leave them out",
        )


def _guard(path: Path, rows: Dataset) -> str:
    """Check that no row is the source of a test row; return the SHA-256 of the list of sources."""
    digest = sha256_of(path)
    if not zipfile.is_zipfile(path):  # np.load would read other formats, too
        raise DataError(str(path), "is not a sources.npz of `hpo data make`")
    try:
        with np.load(path) as arrays:
            clean, test = arrays["clean"], arrays["test"]
    except (KeyError, ValueError) as error:
        raise DataError(str(path), f"is not a sources.npz of `hpo data make`: {error}") from error
    if len(clean) != len(rows.X):
        raise DataError(
            str(path), f"lists {len(clean)} clean digits, but {rows.source} has {len(rows.X)} rows"
        )
    leaked = np.intersect1d(clean, test)
    if len(leaked):
        raise DataError(
            rows.source,
            f"{len(leaked)} rows are the source of a test row, the first is digit {leaked[0]}: "
            "pretraining on them would leak the test",
        )
    return digest


def _require_same_classes(rows: Dataset, task: Task) -> None:
    assert rows.y is not None
    classes = tuple(rows.classes.tolist())
    if classes != task.classes:
        raise DataError(
            rows.source, f"has the labels {classes}, but the study's rows have {task.classes}"
        )


def _digest(row: NDArray[np.float32]) -> bytes:
    return blake2b(row.tobytes(), digest_size=16).digest()


def _train(model: Model, params: Any, task: Task, rows: Dataset, seed: int, path: Path) -> None:
    """Train, and write the weights; the file appears whole or not at all."""
    assert rows.y is not None
    with ExitStack() as stack:
        with _written_to(path.parent):
            beside = tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent)
            folder = Path(stack.enter_context(beside))
        trained = model.code.fit(params, task, rows.X, rows.y, seed)
        with _written_to(path.parent):
            model.code.save(trained, folder).replace(path)


@contextmanager
def _written_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            str(folder),
            f"the weights can't be written beside the rows: {error.strerror or error}: let "
            "`hpo create` write there, or take the rows to where it may",
        ) from error
