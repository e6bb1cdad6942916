"""The one store of artifacts: names them, checks names, holds to the quota.

An artifact's id is also its key: STUDY/TRIAL/UUID and a suffix. Ids come back from the database,
where others can write, so each is checked again before it reaches a folder or a bucket.
"""

import re
import uuid
from dataclasses import dataclass
from typing import BinaryIO

from hpo.artifacts.place import Place, Write
from hpo.artifacts.quota import Quota
from hpo.errors import ArtifactError

STUDY = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"  # as in a definition: it can't be "..", nor hold a slash
TRIAL = r"[0-9]{1,10}"
CHECKPOINTS = "checkpoints"  # a folder of its own: they go when their trial ends, the others stay
SUFFIX = r"(?:\.[A-Za-z0-9]{1,16}){0,3}"
UPLOADS = "_uploads"  # no study's name; what people upload in optuna-dashboard has only a UUID
UPLOAD = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ID = re.compile(rf"{STUDY}/{TRIAL}/(?:{CHECKPOINTS}/)?[0-9a-f]{{32}}{SUFFIX}|{UPLOADS}/{UPLOAD}")


@dataclass(frozen=True, kw_only=True)
class Artifacts:
    """Files of trials in one place, each under an id that no other file ever has."""

    place: Place
    quota: Quota

    def save(self, study: str, trial: int, suffix: str, write: Write) -> str:
        """Keep what `write` writes; give its id, once it is complete and will outlive a crash.

        Raises:
            ArtifactError: it could not be kept, or not within the quota; nothing of it is left.
        """
        return self._save(f"{study}/{trial}", suffix, write)

    def save_checkpoint(self, study: str, trial: int, suffix: str, write: Write) -> str:
        """Do the same for what is of use only until the trial ends."""
        return self._save(f"{study}/{trial}/{CHECKPOINTS}", suffix, write)

    def put(self, artifact: str, write: Write) -> None:
        """Keep what `write` writes under an id that somebody else has made up."""
        self.place.write(_checked(artifact), write, self.quota.room)

    def open(self, artifact: str) -> BinaryIO:
        """Open an artifact for reading, in a file that can be sought in.

        Raises:
            MissingArtifactError: there is none with this id.
        """
        return self.place.open(_checked(artifact))

    def remove(self, artifact: str) -> None:
        """Delete an artifact, if it is there."""
        self.quota.give_back(self.place.remove(_checked(artifact)))

    def forget_checkpoints(self, study: str, number: int) -> None:
        """Delete the checkpoints of a trial."""
        self._forget(f"{study}/{number}/{CHECKPOINTS}", f"{STUDY}/{TRIAL}/{CHECKPOINTS}")

    def forget_study(self, study: str) -> None:
        """Delete all artifacts of a study's trials."""
        self._forget(study, STUDY)

    def try_out(self) -> None:
        """Keep a byte and delete it.

        Raises:
            ArtifactError: nothing can be kept here, or nothing more.
        """
        artifact = f"{UPLOADS}/{uuid.uuid4()}"
        self.put(artifact, lambda file: file.write(b"0"))
        self.remove(artifact)

    def usage(self) -> int:
        """Add up the bytes of all artifacts, which takes a while where there are many."""
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
