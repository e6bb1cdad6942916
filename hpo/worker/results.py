"""What stays of a trial in the artifact store: the trained models of its folds, and its log."""

import io
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hpo.artifacts import Artifacts
from hpo.artifacts.dashboard import listing
from hpo.errors import ArtifactError
from hpo.models import Trained, TrainingCode

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Results:
    """Keeps files of one trial; each method gives the attributes that list them with it.

    A file that can't be kept is missed, and said so; the trial goes on.
    """

    artifacts: Artifacts
    study: str
    number: int
    said: io.StringIO = field(default_factory=io.StringIO)  # what was logged while it ran

    def keep_model(self, code: TrainingCode, fold: int, trained: Trained) -> dict[str, str]:
        """Keep what a fold, from 0, has trained."""
        try:
            with tempfile.TemporaryDirectory(prefix="hpo-") as folder:
                path = code.save(trained, Path(folder))
                with path.open("rb") as file:
                    return self._keep(file, f"fold-{fold + 1}-{path.name}")
        except Exception as error:  # noqa: BLE001 - a model's code may raise anything, and has a value
            log.warning("the model of trial %d is not kept: %s", self.number, error)
            return {}

    def keep_log(self) -> dict[str, str]:
        """Keep what was logged so far."""
        try:
            return self._keep(io.BytesIO(self.said.getvalue().encode()), "log.txt")
        except ArtifactError as error:
            log.warning("the log of trial %d is not kept: %s", self.number, error)
            return {}

    def _keep(self, file: BinaryIO, name: str) -> dict[str, str]:
        artifact = self.artifacts.save(
            self.study, self.number, Path(name).suffix, lambda kept: shutil.copyfileobj(file, kept)
        )
        return dict([listing(artifact, name)])


@contextmanager
def results(artifacts: Artifacts, study: str, number: int) -> Iterator[Results]:
    """Give what keeps the files of a trial, and listen to what this thread logs meanwhile."""
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
