"""The folder that holds what hpo keeps on this machine."""

import os
import sys
from pathlib import Path

VARIABLE = "HPO_HOME"
REMEDY = f"set {VARIABLE} to a folder that you can write"


def home() -> Path:
    """Return the folder that holds what hpo keeps: HPO_HOME, or a usual place for this user."""
    chosen = os.environ.get(VARIABLE)
    return (Path(chosen).expanduser() if chosen else _usual_home()).absolute()


def _usual_home() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/hpo")  # root's server is another user, who can't enter root's home
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/hpo"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "hpo"
