"""What was recorded of a run, to be judged when it is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from journal import Line
from schedule import Kind

Params = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that was done to the study; times are seconds of CLOCK_MONOTONIC."""

    kind: Kind
    at: float
    until: float
    pid: int | None = None  # of the worker that it was done to
    seed: int | None = None  # of the trial that it was done to, as in the journal
    trial: int | None = None  # its number
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Process:
    """One worker's life."""

    pid: int
    begun: float
    ended: float
    code: int  # of its exit; negative: the signal
    was_killed: bool  # by us
    last_words: str

    @property
    def gave_up(self) -> bool:
        """Whether it ended although nobody had killed it, and not because all was done."""
        return not self.was_killed and self.code != 0


@dataclass(frozen=True, kw_only=True)
class Row:
    """A trial as it is stored at the end."""

    number: int
    state: str
    params: Params
    value: float | None
    curve: Mapping[int, float]
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """The same parameters, evaluated where nothing disturbs."""

    seed: int
    value: float
    curve: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class Record:
    """A whole run."""

    budget: int
    planned: Mapping[Kind, int]
    grace: float
    begun: float
    ended: float
    in_time: bool  # whether all workers left by themselves
    events: Sequence[Event]
    processes: Sequence[Process]
    lines: Sequence[Line]
    rows: Sequence[Row]
    seen: Mapping[int, Params] = field(default_factory=dict)  # by trial, while the study ran
    reruns: Mapping[int, Rerun] = field(default_factory=dict)  # by trial
