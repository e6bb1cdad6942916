"""The folder for hpo's own files on this machine."""

import os
import sys
from pathlib import Path

from hpo.errors import InputError

HOME_VARIABLE = "HPO_HOME"
REMEDY = f"set {HOME_VARIABLE} to a folder that you can write"


def home() -> Path:
    """Return the folder for hpo's own files: HPO_HOME, or the platform's usual place.

    Raises:
        InputError: the place depends on a user who has no home.
    """
    chosen = os.environ.get(HOME_VARIABLE)
    try:
        return (Path(chosen).expanduser() if chosen else _usual_home()).absolute()
    except RuntimeError as error:
        raise InputError(f"there is no folder for hpo's own files: {error} {REMEDY}") from error


def _usual_home() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/hpo")  # root's server runs as a user who can't enter root's home
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/hpo"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "hpo"
