"""The digest of a file."""

from hashlib import file_digest
from pathlib import Path

from hpo.errors import DataError


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Raises:
        DataError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(str(path), f"can't be read: {error.strerror}") from error
