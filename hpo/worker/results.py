"""The files that a trial leaves in the artifact store: its models, its evaluation, its log."""

import io
import logging
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from optuna.trial import FrozenTrial

from hpo.artifacts import Artifacts
from hpo.artifacts.dashboard import artifact_of, listed, listing
from hpo.errors import ArtifactError
from hpo.evaluation import FILE, MOST_BYTES, Evaluation, Scored, evaluate
from hpo.models import Trained, TrainingCode
from hpo.objective import Objective
from hpo.worker.scratch import scratch

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Results:
    """Saves files of one trial; each `keep_` method returns the attributes that list them.

    A file that can't be saved is logged; the trial goes on.
    """

    artifacts: Artifacts
    study: str
    number: int
    said: io.StringIO = field(default_factory=io.StringIO)  # what was logged while it ran
    scored: dict[int, Scored] = field(default_factory=dict)  # by fold, the last that was scored

    def on_scored(self, scored: Scored) -> None:
        """Note the predictions that a value was computed from."""
        self.scored[scored.fold] = scored

    def keep_model(self, code: TrainingCode, fold: int, trained: Trained) -> dict[str, str]:
        """Save the model of a fold, from 0."""
        try:
            with scratch() as folder:
                empty = folder / "model"
                empty.mkdir()
                path = _require_path(code.save(trained, empty))
                with path.open("rb") as file:
                    return self._keep(file, f"fold-{fold + 1}-{path.name}")
        except Exception as error:  # noqa: BLE001 - a model's code may raise anything, and has a value
            log.warning("the model of trial %d is not saved: %s", self.number, error)
            return {}

    def keep_evaluation(self, objective: Objective, trial: FrozenTrial) -> dict[str, str]:
        """Save the evaluation on the rows held out, with folds that an earlier worker scored."""
        if not self.scored:
            return {}
        try:
            found = evaluate(objective.task, objective.X, objective.y, self.scored.values())
            kept = listed(trial.system_attrs, FILE)
            if kept and min(self.scored) > 0:
                found = self._after_earlier(found, kept)
            return self._keep(io.BytesIO(found.write()), FILE, kept)
        except Exception as error:  # noqa: BLE001 - it is made of what a model's code has given
            log.warning("the evaluation of trial %d is not saved: %s", self.number, error)
            return {}

    def keep_log(self) -> dict[str, str]:
        """Save what was logged so far."""
        try:
            return self._keep(io.BytesIO(self.said.getvalue().encode()), "log.txt")
        except ArtifactError as error:
            log.warning("the log of trial %d is not saved: %s", self.number, error)
            return {}

    def discard(self, files: Mapping[str, str], named: Mapping[str, Any]) -> None:
        """Remove files that were saved for a lost trial, unless the trial lists them."""
        for key in files.keys() - named.keys():
            try:
                self.artifacts.remove(artifact_of(files[key]))
            except ArtifactError as error:  # it is removed with the study
                log.warning("a file of trial %d is left over: %s", self.number, error)

    def _keep(self, file: BinaryIO, name: str, artifact: str | None = None) -> dict[str, str]:
        """Save a file as a new artifact, or in the place of the one given."""

        def write(kept: BinaryIO) -> None:
            shutil.copyfileobj(file, kept)

        if artifact is None:
            artifact = self.artifacts.save(self.study, self.number, Path(name).suffix, write)
        else:
            self.artifacts.put(artifact, write)
        return dict([listing(artifact, name)])

    def _after_earlier(self, found: Evaluation, artifact: str) -> Evaluation:
        """Add the folds that an earlier worker scored, if its file can be read."""
        try:
            with self.artifacts.open(artifact) as file:
                return found.after(Evaluation.read(file.read(MOST_BYTES + 1)))
        except (ArtifactError, OSError, ValueError) as error:
            log.warning("the evaluation of trial %d lacks a fold: %s", self.number, error)
            return found


def _require_path(saved: object) -> Path:
    if not isinstance(saved, Path):
        raise TypeError(f"save gave {saved!r}, not the path of its file")
    return saved


@contextmanager
def results(artifacts: Artifacts, study: str, number: int) -> Iterator[Results]:
    """Yield the Results of a trial, which record what this thread logs meanwhile."""
    ours = Results(artifacts=artifacts, study=study, number=number)
    thread = threading.get_ident()
    handler = logging.StreamHandler(ours.said)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(lambda record: record.thread == thread)
    logging.getLogger().addHandler(handler)
    try:
        yield ours
    finally:
        logging.getLogger().removeHandler(handler)
