"""Which running trials have lost their workers."""

from hpo.storage.database import Database
from hpo.storage.failures import database_errors


def stale_trial_ids(database: Database, study_id: int) -> list[int]:
    """Give the running trials whose last heartbeat is older than the grace period.

    The database's clock decides, so the clocks of the workers may differ.
    """
    with database_errors():
        # Optuna's public function fails these trials for good; we want them to go on.
        return database.records._get_stale_trial_ids(study_id)  # noqa: SLF001
