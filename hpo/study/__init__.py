"""A study in the database: its definition goes in once, its state comes out."""

from hpo.study.budget import budget_of, is_finished, is_spent
from hpo.study.state import Status, StudyState, best_trial, open_names, status
from hpo.study.stored import (
    DEFINITION,
    ENVIRONMENT,
    ERROR,
    ORIGIN,
    SEED,
    Origin,
    StoredStudy,
    create,
    load,
    names,
    trials_of,
)

__all__ = [
    "DEFINITION",
    "ENVIRONMENT",
    "ERROR",
    "ORIGIN",
    "SEED",
    "Origin",
    "Status",
    "StoredStudy",
    "StudyState",
    "best_trial",
    "budget_of",
    "create",
    "is_finished",
    "is_spent",
    "load",
    "names",
    "open_names",
    "status",
    "trials_of",
]
