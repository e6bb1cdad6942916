"""A study in the database: its definition goes in once, its state comes out."""

from hpo.study.budget import budget_of, is_finished, is_queued, is_spent
from hpo.study.creation import create
from hpo.study.queue import Queued, enqueue
from hpo.study.state import Status, StudyState, best_trial, best_trials, open_names, status
from hpo.study.stored import (
    DEFINITION,
    ENVIRONMENT,
    ERROR,
    ORIGIN,
    SEED,
    WARM_START,
    Origin,
    StoredStudy,
    load,
    names,
    space_of,
    trials_of,
)

__all__ = [
    "DEFINITION",
    "ENVIRONMENT",
    "ERROR",
    "ORIGIN",
    "SEED",
    "WARM_START",
    "Origin",
    "Queued",
    "Status",
    "StoredStudy",
    "StudyState",
    "best_trial",
    "best_trials",
    "budget_of",
    "create",
    "enqueue",
    "is_finished",
    "is_queued",
    "is_spent",
    "load",
    "names",
    "open_names",
    "space_of",
    "status",
    "trials_of",
]
