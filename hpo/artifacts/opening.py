"""Opening the artifact store with the place and the quota that the environment sets."""

import os
import re
from decimal import Decimal
from pathlib import Path

from hpo.artifacts.folder import Folder
from hpo.artifacts.place import Place
from hpo.artifacts.quota import QUOTA_VARIABLE, Quota
from hpo.artifacts.store import Artifacts
from hpo.errors import InputError
from hpo.home import home

PLACE_VARIABLE = "HPO_ARTIFACTS"
ALLOWED = "write a folder, or s3://bucket/prefix"
BUCKET = r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]"
PREFIX = r"(?:/[A-Za-z0-9_=+-][A-Za-z0-9._=+-]*)*"
S3 = re.compile(rf"s3://({BUCKET})({PREFIX})/?")
SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([KMGT]?)B", re.IGNORECASE)
POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def open_artifacts(given: str | None = None) -> Artifacts:
    """Open the store at a place, by default HPO_ARTIFACTS, or else a folder in HPO_HOME.

    Nothing is created or contacted before the first file is saved or read.

    Raises:
        InputError: the place, the quota or a setting of boto3 is invalid.
    """
    given = given or os.environ.get(PLACE_VARIABLE)
    place = _place(given) if given else Folder(home() / "artifacts")
    return Artifacts(place=place, quota=Quota(_limit(os.environ.get(QUOTA_VARIABLE)), place.usage))


def _place(given: str) -> Place:
    if "://" in given or given.startswith("s3:"):
        return _bucket(given)
    try:
        path = Path(given).expanduser().absolute()
        is_other = path.exists() and not path.is_dir()
    except (OSError, RuntimeError) as error:  # a folder that is closed, a user who is unknown
        raise InputError(f"{PLACE_VARIABLE}: {given} can't be used: {error}") from error
    if is_other:
        raise InputError(f"{PLACE_VARIABLE}: {path} is not a folder: {ALLOWED}")
    return Folder(path)


def _bucket(given: str) -> Place:
    match = S3.fullmatch(given)
    if not match:  # the URL is not shown: it may contain a password
        raise InputError(f"{PLACE_VARIABLE}: this URL can't be used: {ALLOWED}")
    from hpo.artifacts.bucket import Bucket

    name, prefix = match.groups()
    return Bucket.reach(name, prefix.removeprefix("/") + "/" if prefix else "")


def _limit(given: str | None) -> int | None:
    if not given:
        return None
    match = SIZE.fullmatch(given.strip())
    limit = int(Decimal(match[1]) * 1000 ** POWERS[match[2].upper()]) if match else 0
    if not limit:
        raise InputError(
            f'{QUOTA_VARIABLE}: {given!r} is not a size: write it as "20GB" or "500MB"'
        )
    return limit
