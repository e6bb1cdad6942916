"""Shells to run `hpo` in, each in a folder of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blobs import write_rows
from shell import Shell, Watch

from hpo.storage.database import open_storage


@pytest.fixture
def shell_in(tmp_path: Path) -> Iterator[Callable[..., Shell]]:
    """Yield a shell; no process of it may be left at the end."""
    shells: list[Shell] = []

    def open_shell(**environment: str) -> Shell:
        shells.append(Shell(tmp_path, environment))
        return shells[-1]

    yield open_shell
    left = [pid for shell in shells for pid in shell.left()]
    for pid in left:
        os.kill(pid, 9)
    assert left == []


@pytest.fixture
def shell(shell_in: Callable[..., Shell], database_url: str) -> Shell:
    """Return a shell on the test's database, in a folder with rows."""
    shell = shell_in(HPO_DATABASE_URL=database_url)
    write_rows(shell.folder)
    return shell


@pytest.fixture
def watch(database_url: str) -> Iterator[Watch]:
    with open_storage(application_name="watch", url=database_url) as database:
        yield Watch(database)


@pytest.fixture
def embedded_shell(shell_in: Callable[..., Shell], home_folder: Path) -> Shell:
    """Return a shell on an embedded database that does not exist yet."""
    return shell_in(HPO_HOME=str(home_folder))
