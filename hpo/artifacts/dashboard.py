"""Artifacts as Optuna and optuna-dashboard expect them.

The dashboard's URLs allow only hexadecimal digits and hyphens in an artifact's id, so hpo's ids are
written there in hexadecimal. Files that people upload have an id from Optuna, a UUID.
"""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from mimetypes import guess_type
from typing import Any, BinaryIO

from optuna.artifacts import ArtifactMeta
from optuna.artifacts.exceptions import ArtifactNotFound

from hpo.artifacts.store import UPLOAD, UPLOADS, Artifacts
from hpo.errors import ArtifactError, MissingArtifactError

LISTED = "artifacts:"  # prefix of the system attributes that list artifacts


@dataclass(frozen=True)
class OptunaStore:
    """The artifact store as one of Optuna's, which has to be an ArtifactStore."""

    artifacts: Artifacts

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Open an artifact for reading."""
        try:
            return self.artifacts.open(_ours(artifact_id))
        except MissingArtifactError as error:
            raise ArtifactNotFound(str(error)) from error

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Store an upload."""
        self.artifacts.put(_ours(artifact_id), lambda file: shutil.copyfileobj(content_body, file))

    def remove(self, artifact_id: str) -> None:
        """Delete an artifact, if it is there."""
        self.artifacts.remove(_ours(artifact_id))


def listing(artifact: str, filename: str) -> tuple[str, str]:
    """Return the key and the value of the system attribute that lists an artifact with its trial.

    The dashboard and Optuna's own functions read it.
    """
    kind, encoding = guess_type(filename)
    meta = ArtifactMeta(
        artifact_id=artifact.encode().hex(),
        filename=filename,
        mimetype=kind or "application/octet-stream",
        encoding=encoding,
    )
    # As optuna.artifacts.upload_artifact writes it.
    return f"{LISTED}{meta.artifact_id}", json.dumps(asdict(meta))


def listed(attrs: Mapping[str, Any], filename: str) -> str | None:
    """Return the id of the artifact that a trial's system attributes list under a file name."""
    metas = (json.loads(value) for key, value in attrs.items() if key.startswith(LISTED))
    # The dashboard writes null when somebody deletes an artifact.
    ids = [meta["artifact_id"] for meta in metas if meta and meta["filename"] == filename]
    return _ours(ids[0]) if ids else None


def artifact_of(listed_as: str) -> str:
    """Return the id of the artifact in a listing's value."""
    return _ours(json.loads(listed_as)["artifact_id"])


def uploads_in(listings: Iterable[Any]) -> list[str]:
    """Return the ids of the files in listings that people uploaded; anybody may have written one.

    A file that was deleted is listed as null.
    """
    uploads = []
    for one in listings:
        with suppress(TypeError, KeyError, ValueError, ArtifactError):
            uploads.append(artifact_of(one))
    return [artifact for artifact in uploads if artifact.startswith(f"{UPLOADS}/")]


def _ours(artifact_id: str) -> str:
    if re.fullmatch(UPLOAD, artifact_id):
        return f"{UPLOADS}/{artifact_id}"
    try:
        return bytes.fromhex(artifact_id).decode()
    except ValueError as error:
        raise ArtifactError(f"{artifact_id!r} is not the id of an artifact") from error
