"""The folder for hpo's own files on this machine."""

import os
import sys
from pathlib import Path

HOME_VARIABLE = "HPO_HOME"
REMEDY = f"set {HOME_VARIABLE} to a folder that you can write"


def home() -> Path:
    """Return the folder for hpo's own files: HPO_HOME, or the platform's usual place."""
    chosen = os.environ.get(HOME_VARIABLE)
    return (Path(chosen).expanduser() if chosen else _usual_home()).absolute()


def _usual_home() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/hpo")  # root's server runs as a user who can't enter root's home
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/hpo"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "hpo"
