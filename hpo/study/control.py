"""Controlling a study: what its workers are to do is stored with it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from hpo.storage.database import Database, study_lock
from hpo.storage.keys import CONTROL
from hpo.study.stored import StoredStudy, attrs_of, load_study


class Want(StrEnum):
    """What workers are to do."""

    RUN = "run"
    PAUSE = "pause"  # hand every trial back after its current step, and wait
    STOP = "stop"  # begin no trial; those that run go on to their ends
    CANCEL = "cancel"  # begin no trial, and end those that run after their current steps


@dataclass(frozen=True)
class Control:
    """What is wanted of a study, and why."""

    want: Want = Want.RUN
    reason: str | None = None  # None if a person wanted it

    @classmethod
    def read(cls, stored: Any) -> Self:
        """Read the control from the study's attribute; None is the default."""
        return cls() if stored is None else cls(Want(stored["want"]), stored["reason"])


def control_of(stored: StoredStudy) -> Control:
    """Read what is wanted of a study."""
    return Control.read(attrs_of(stored).get(CONTROL))


def set_control(database: Database, name: str, want: Want) -> Control:
    """Store what is wanted of a study, and return what was wanted before.

    Raises:
        StudyError: there is no such study.
    """
    stored = load_study(database, name)
    with study_lock(database, name):
        before = control_of(stored)
        write_control(stored, Control(want))
    return before


def write_control(stored: StoredStudy, control: Control) -> None:
    """Store what is wanted of a study; its lock must be held."""
    stored.study.set_user_attr(CONTROL, {"want": control.want, "reason": control.reason})
