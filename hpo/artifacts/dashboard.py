"""Artifacts as Optuna and optuna-dashboard expect them.

Their ids are hexadecimal digits and hyphens, or the dashboard has no address for them. So ours are
spelled in hexadecimal there; what people upload has an id of Optuna's making, a UUID.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from mimetypes import guess_type
from typing import Any, BinaryIO

from optuna.artifacts import ArtifactMeta
from optuna.artifacts.exceptions import ArtifactNotFound

from hpo.artifacts.store import UPLOAD, UPLOADS, Artifacts
from hpo.errors import ArtifactError, MissingArtifactError

LISTED = "artifacts:"  # begins the name of a system attribute that lists an artifact


@dataclass(frozen=True)
class OptunaStore:
    """The store in the form of Optuna's ArtifactStore."""

    artifacts: Artifacts

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Open an artifact for reading."""
        try:
            return self.artifacts.open(_ours(artifact_id))
        except MissingArtifactError as error:
            raise ArtifactNotFound(str(error)) from error

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keep what somebody uploads."""
        self.artifacts.put(_ours(artifact_id), lambda file: shutil.copyfileobj(content_body, file))

    def remove(self, artifact_id: str) -> None:
        """Delete an artifact, if it is there."""
        self.artifacts.remove(_ours(artifact_id))


def listing(artifact: str, filename: str) -> tuple[str, str]:
    """Return the system attribute that lists an artifact with its trial, its name and its value.

    The dashboard reads it, and whoever asks Optuna for a trial's artifacts.
    """
    kind, encoding = guess_type(filename)
    meta = ArtifactMeta(
        artifact_id=artifact.encode().hex(),
        filename=filename,
        mimetype=kind or "application/octet-stream",
        encoding=encoding,
    )
    # The name and the form that optuna.artifacts.upload_artifact gives it.
    return f"{LISTED}{meta.artifact_id}", json.dumps(asdict(meta))


def listed(attrs: Mapping[str, Any], filename: str) -> str | None:
    """Return the artifact that a trial's system attributes list under a name, if one is."""
    metas = (json.loads(value) for key, value in attrs.items() if key.startswith(LISTED))
    # The dashboard leaves a null where somebody deletes one.
    ids = [meta["artifact_id"] for meta in metas if meta and meta["filename"] == filename]
    return _ours(ids[0]) if ids else None


def artifact_of(listed_as: str) -> str:
    """Return the artifact that a listing's value names."""
    return _ours(json.loads(listed_as)["artifact_id"])


def _ours(artifact_id: str) -> str:
    if re.fullmatch(UPLOAD, artifact_id):
        return f"{UPLOADS}/{artifact_id}"
    try:
        return bytes.fromhex(artifact_id).decode()
    except ValueError as error:
        raise ArtifactError(f"{artifact_id!r} is not the id of an artifact") from error
