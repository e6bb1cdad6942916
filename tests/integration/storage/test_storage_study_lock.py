"""The lock of a name keeps other processes out, and the dead let go of it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo.storage.database import open_storage, study_lock

COUNT = """
import os, time
from pathlib import Path
from hpo.storage.database import open_storage, study_lock

def act(line):
    url, file = line.split()
    with open_storage(application_name="counts", url=url) as database:
        for _ in range(25):
            with study_lock(database, "digits"):
                count = int(Path(file).read_text())
                time.sleep(0.001)
                Path(file).write_text(str(count + 1))
    return "done"
"""

HOLD = """
import time
from hpo.storage.database import open_storage, study_lock

def act(url):
    with open_storage(application_name="holds", url=url) as database:
        with study_lock(database, "digits"):
            print("held", flush=True)
            time.sleep(60)
"""


def test_nobody_is_in_twice(
    database_url: str, tmp_path: Path, crew: Callable[[str, int], Any]
) -> None:
    file = tmp_path / "count"
    file.write_text("0")
    assert crew(COUNT, 2).tell(f"{database_url} {file}") == {"done"}
    assert file.read_text() == "50"


def test_the_dead_let_go(database_url: str, crew: Callable[[str, int], Any]) -> None:
    holder = crew(HOLD, 1)
    assert holder.tell(database_url) == {"held"}
    holder.processes[0].kill()
    started = time.monotonic()
    with (
        open_storage(application_name="test", url=database_url) as database,
        study_lock(database, "digits"),
    ):
        assert time.monotonic() - started < 10


def test_other_names_are_free(database_url: str, crew: Callable[[str, int], Any]) -> None:
    assert crew(HOLD, 1).tell(database_url) == {"held"}
    with (
        open_storage(application_name="test", url=database_url) as database,
        study_lock(database, "letters"),
    ):
        assert database.storage.get_all_studies() == []


def test_an_error_in_the_body_lets_go(database_url: str) -> None:
    with open_storage(application_name="test", url=database_url) as database:
        for _ in range(2):
            with pytest.raises(KeyError), study_lock(database, "digits"):
                raise KeyError
