"""The artifact store, which names artifacts, checks their ids and enforces the quota.

An artifact's id is also its key: STUDY/TRIAL/UUID and a suffix. Ids are read from the database,
where others can write, so each is checked before it reaches a folder or a bucket.
"""

import re
import uuid
from dataclasses import dataclass
from typing import BinaryIO

from hpo.artifacts.place import Place, Write
from hpo.artifacts.quota import Quota
from hpo.errors import ArtifactError

STUDY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"  # as in a definition: never "..", and without a slash
TRIAL = r"[0-9]{1,10}"
CHECKPOINTS = "checkpoints"  # a folder of their own, which is deleted when the trial ends
SUFFIX = r"(?:\.[A-Za-z0-9]{1,16}){0,3}"
UPLOADS = "_uploads"  # not a valid study name; files uploaded in optuna-dashboard have only a UUID
UPLOAD = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ID = re.compile(rf"{STUDY}/{TRIAL}/(?:{CHECKPOINTS}/)?[0-9a-f]{{32}}{SUFFIX}|{UPLOADS}/{UPLOAD}")


@dataclass(frozen=True, kw_only=True)
class Artifacts:
    """Files of trials in one place, each under an id that is never used again."""

    place: Place
    quota: Quota

    def save(self, study: str, trial: int, suffix: str, write: Write) -> str:
        """Store what `write` writes; return its id when it is complete and survives a crash.

        Raises:
            ArtifactError: it could not be stored, or not within the quota; nothing of it is left.
        """
        return self._save(f"{study}/{trial}", suffix, write)

    def save_checkpoint(self, study: str, trial: int, suffix: str, write: Write) -> str:
        """Store a checkpoint likewise, which is needed only until the trial ends."""
        return self._save(f"{study}/{trial}/{CHECKPOINTS}", suffix, write)

    def put(self, artifact: str, write: Write) -> None:
        """Store what `write` writes under a given id.

        Raises:
            ArtifactError: it could not be stored, or not within the quota; nothing of it is left.
        """
        self.place.write(_checked(artifact), write, self.quota.room)

    def open(self, artifact: str) -> BinaryIO:
        """Open an artifact for reading, as a seekable file.

        Raises:
            MissingArtifactError: there is none with this id.
        """
        return self.place.open(_checked(artifact))

    def remove(self, artifact: str) -> None:
        """Delete an artifact, if it is there."""
        self.quota.give_back(self.place.remove(_checked(artifact)))

    def forget_checkpoints(self, study: str, trial: int) -> None:
        """Delete the checkpoints of a trial."""
        self._forget(f"{study}/{trial}/{CHECKPOINTS}", f"{STUDY}/{TRIAL}/{CHECKPOINTS}")

    def forget_study(self, study: str) -> None:
        """Delete all artifacts of a study's trials."""
        self._forget(study, STUDY)

    def try_out(self) -> None:
        """Store a byte and delete it again.

        Raises:
            ArtifactError: nothing can be stored, or the quota is spent.
        """
        artifact = f"{UPLOADS}/{uuid.uuid4()}"
        self.put(artifact, lambda file: file.write(b"0"))
        self.remove(artifact)

    def usage(self) -> int:
        """Add up the bytes of all artifacts, which takes a while if there are many."""
        return self.place.usage()

    def _save(self, folder: str, suffix: str, write: Write) -> str:
        new = f"{folder}/{uuid.uuid4().hex}{suffix}"
        self.put(new, write)
        return new

    def _forget(self, folder: str, pattern: str) -> None:
        if not re.fullmatch(pattern, folder):
            raise ArtifactError(f"{folder!r} names no study or trial")
        self.quota.give_back(self.place.forget(folder))


def _checked(artifact: str) -> str:
    if not ID.fullmatch(artifact):
        raise ArtifactError(f"{artifact!r} is not the id of an artifact")
    return artifact
