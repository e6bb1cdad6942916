"""The trainings that a worker with the same HPO_HOME may go on with."""

import shutil
from pathlib import Path

from hpo.storage.embedded import home


def trial_folder(study: str, number: int) -> Path:
    """Give the folder of a trial's files, which may not exist."""
    return home() / "artifacts" / study / str(number)


def forget_trial(study: str, number: int) -> None:
    """Delete the files of a trial."""
    shutil.rmtree(trial_folder(study, number), ignore_errors=True)
