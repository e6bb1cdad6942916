"""Many processes that meet an empty database at the same moment."""

from collections.abc import Callable
from typing import Any

import pytest

START = """
import optuna
from hpo.storage.database import create_tables, open_storage, parse_url, study_lock
optuna.logging.set_verbosity(optuna.logging.ERROR)

def act(url):
    create_tables(parse_url(url))
    with open_storage(application_name="starts", url=url) as database:
        with study_lock(database, "digits"):
            study = optuna.create_study(
                storage=database.storage, study_name="digits", load_if_exists=True
            )
        return study._study_id
"""


@pytest.mark.parametrize(
    "rounds", [3, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
def test_eight_processes_make_tables_and_a_study(
    rounds: int,
    fresh_database: Callable[[str], Any],
    crew: Callable[[str, int], Any],
) -> None:
    workers = crew(START, 8)
    for _ in range(rounds):
        with fresh_database("template0") as url:
            assert workers.tell(url) == {"1"}
