"""A trial's training in the artifact store, from where any worker goes on with it."""

import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from hpo.artifacts import Artifacts
from hpo.errors import ArtifactError
from hpo.objective import checkpoint_file, newest_checkpoint
from hpo.storage.keys import CHECKPOINT
from hpo.worker.scratch import scratch

PAUSE = 4.0  # times what a save took: so long nothing is saved after it, however slow the store
REST = 60.0  # seconds without a try after one that failed: where a bucket is dead, each one waits

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Checkpoints:
    """Keeps the newest file of a trial's training, each time under another name.

    The trial names the file in the statement by which its owner reports the step. So a worker that
    has lost it changes nothing of what the next one goes on with.
    """

    artifacts: Artifacts
    study: str
    number: int
    folder: Path  # of this process: the training writes its file here after each epoch
    kept: dict[str, Any] | None  # as the trial names it: a fold and an artifact
    seen: tuple[str, int] | None = None  # the file that was fetched or saved last
    rests_until: float = 0.0  # by time.monotonic()

    def fetch(self) -> None:
        """Bring the training here that the trial names; without it, it begins anew."""
        if self.kept is None:
            return
        path = checkpoint_file(self.folder, self.kept["fold"])
        try:
            with self.artifacts.open(self.kept["artifact"]) as kept, path.open("xb") as file:
                shutil.copyfileobj(kept, file)
        except (ArtifactError, OSError) as error:
            log.warning("trial %d begins this fold anew: %s", self.number, error)
            path.unlink(missing_ok=True)
        else:
            self.seen = _version(path)

    def save(self, *, now: bool = False) -> dict[str, Any]:
        """Keep the training, and give what the trial is to remember: nothing where nothing is new.

        It is left out where saving took too much time lately, unless it is to be now. What can't
        be kept does not end a trial: it goes on, from what was kept before if it must.
        """
        newest = newest_checkpoint(self.folder)
        began = time.monotonic()
        if newest is None or _version(newest.file) == self.seen:
            return {}
        if began < self.rests_until and not now:
            return {}
        try:
            artifact = self._copy(newest.file)
        except (ArtifactError, OSError) as error:
            log.warning("the training of trial %d is not kept: %s", self.number, error)
            self.rests_until = time.monotonic() + REST
            return {}
        self.rests_until = time.monotonic() + PAUSE * (time.monotonic() - began)
        self.seen = _version(newest.file)
        return {CHECKPOINT: {"fold": newest.fold, "artifact": artifact}}

    def confirm(self, attrs: dict[str, Any]) -> None:
        """Hear what the trial remembers by now, and remove what it named before."""
        if CHECKPOINT in attrs:
            self._remove(self.kept)
            self.kept = attrs[CHECKPOINT]

    def discard(self, attrs: Mapping[str, Any], named: Mapping[str, Any]) -> None:
        """Remove what was saved for a trial that has another owner, unless that trial names it."""
        if attrs.get(CHECKPOINT) != named.get(CHECKPOINT):
            self._remove(attrs.get(CHECKPOINT))

    def _copy(self, path: Path) -> str:
        with path.open("rb") as file:
            return self.artifacts.save_checkpoint(
                self.study, self.number, path.suffix, lambda kept: shutil.copyfileobj(file, kept)
            )

    def _remove(self, named: dict[str, Any] | None) -> None:
        if named is None:
            return
        try:
            self.artifacts.remove(named["artifact"])
        except ArtifactError as error:  # it goes with the trial's end
            log.warning("a training of trial %d is left over: %s", self.number, error)


@contextmanager
def checkpoints(artifacts: Artifacts, study: str, trial: FrozenTrial) -> Iterator[Checkpoints]:
    """Yield the training that a trial names, in a folder of this process."""
    with scratch() as folder:
        found = Checkpoints(
            artifacts=artifacts,
            study=study,
            number=trial.number,
            folder=folder,
            kept=trial.system_attrs.get(CHECKPOINT),
        )
        found.fetch()
        yield found


def forget(artifacts: Artifacts, study: str, number: int) -> bool:
    """Remove every checkpoint of a trial that has ended, those that were never named as well.

    Returns whether the store has done so.
    """
    try:
        artifacts.forget_checkpoints(study, number)
    except ArtifactError as error:
        log.warning("trainings of trial %d are left over: %s", number, error)
        return False
    return True


def _version(path: Path) -> tuple[str, int]:
    return path.name, path.stat().st_mtime_ns
