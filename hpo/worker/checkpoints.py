"""A trial's checkpoint in the artifact store, from which any worker can resume it."""

import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from hpo.artifacts import Artifacts
from hpo.errors import ArtifactError
from hpo.objective import checkpoint_file, newest_checkpoint
from hpo.storage.keys import CHECKPOINT

PAUSE = 4.0  # times the duration of a save: the pause after it, so that a slow store costs a fifth
REST = 60.0  # seconds of pause after a save that failed: a dead bucket takes long to time out

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Checkpoints:
    """Saves the newest checkpoint of a trial, each time as a new artifact.

    The trial names the artifact in the same statement that reports the step as its owner. So a
    worker that has lost the trial can't replace what the next one resumes from.
    """

    artifacts: Artifacts
    study: str
    number: int
    folder: Path  # of this process, where the training writes its checkpoint after each epoch
    kept: dict[str, Any] | None  # what the trial names: {"fold": int, "artifact": str}
    seen: tuple[str, int] | None = None  # the version that was fetched or saved last
    rests_until: float = 0.0  # by time.monotonic()

    def fetch(self) -> None:
        """Download the checkpoint that the trial names; if that fails, the fold starts over."""
        if self.kept is None:
            return
        path = checkpoint_file(self.folder, self.kept["fold"])
        try:
            with self.artifacts.open(self.kept["artifact"]) as kept, path.open("xb") as file:
                shutil.copyfileobj(kept, file)
        except (ArtifactError, OSError) as error:
            log.warning("trial %d starts this fold over: %s", self.number, error)
            path.unlink(missing_ok=True)
        else:
            self.seen = _version(path)

    def save(self, *, now: bool = False) -> dict[str, Any]:
        """Upload the newest checkpoint; return the attribute that names it, {} if none was saved.

        Nothing is saved where nothing is new or, without `now`, too soon after the last save. A
        save that fails does not end the trial.
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
            log.warning("the checkpoint of trial %d is not saved: %s", self.number, error)
            self.rests_until = time.monotonic() + REST
            return {}
        self.rests_until = time.monotonic() + PAUSE * (time.monotonic() - began)
        self.seen = _version(newest.file)
        return {CHECKPOINT: {"fold": newest.fold, "artifact": artifact}}

    def confirm(self, attrs: dict[str, Any]) -> None:
        """Remove the checkpoint that these attributes, which were written, have replaced."""
        if CHECKPOINT in attrs:
            self._remove(self.kept)
            self.kept = attrs[CHECKPOINT]

    def discard(self, attrs: Mapping[str, Any], named: Mapping[str, Any]) -> None:
        """Remove the checkpoint of unwritten attributes, unless the trial names it all the same."""
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
        except ArtifactError as error:  # it is removed when the trial ends
            log.warning("a checkpoint of trial %d is left over: %s", self.number, error)


def checkpoints(artifacts: Artifacts, study: str, trial: FrozenTrial, folder: Path) -> Checkpoints:
    """Return the checkpoints of a trial, in a folder of this process, ready to resume from."""
    found = Checkpoints(
        artifacts=artifacts,
        study=study,
        number=trial.number,
        folder=folder,
        kept=trial.system_attrs.get(CHECKPOINT),
    )
    found.fetch()
    return found


def forget(artifacts: Artifacts, study: str, number: int) -> bool:
    """Remove all checkpoints of an ended trial; return whether that worked."""
    try:
        artifacts.forget_checkpoints(study, number)
    except ArtifactError as error:
        log.warning("checkpoints of trial %d are left over: %s", number, error)
        return False
    return True


def _version(path: Path) -> tuple[str, int]:
    return path.name, path.stat().st_mtime_ns
