"""Studies in the database: creating, loading, controlling and reading them."""

from hpo.study.budget import Account, account_of, budget_of
from hpo.study.control import Control, Want, control_of, set_control, write_control
from hpo.study.creation import create
from hpo.study.deletion import delete
from hpo.study.gist import gist
from hpo.study.ladder import Ladder, ladder_of
from hpo.study.queue import Queued, enqueue
from hpo.study.retry import retry
from hpo.study.state import Status, StudyState, best_trials, status
from hpo.study.stored import (
    Origin,
    StoredStudy,
    attrs_at,
    load_study,
    space_of,
    study_names,
    trial_of,
    trials_of,
)
from hpo.study.survey import Seen, survey
from hpo.study.trials import height_of, is_at_rest, is_given, is_paused, is_queued, runs_of

__all__ = [
    "Account",
    "Control",
    "Ladder",
    "Origin",
    "Queued",
    "Seen",
    "Status",
    "StoredStudy",
    "StudyState",
    "Want",
    "account_of",
    "attrs_at",
    "best_trials",
    "budget_of",
    "control_of",
    "create",
    "delete",
    "enqueue",
    "gist",
    "height_of",
    "is_at_rest",
    "is_given",
    "is_paused",
    "is_queued",
    "ladder_of",
    "load_study",
    "retry",
    "runs_of",
    "set_control",
    "space_of",
    "status",
    "study_names",
    "survey",
    "trial_of",
    "trials_of",
    "write_control",
]
