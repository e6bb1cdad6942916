"""deploy/make-secrets.sh and deploy/check-secrets.sh, by a host's shell and a container's."""

import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[3] / "deploy"


@pytest.fixture
def folder(tmp_path):
    """A clone in which passwords were made."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(DEPLOY / "make-secrets.sh", tmp_path / "deploy")
    make(tmp_path)
    return tmp_path / "secrets"


def make(clone):
    subprocess.run([clone / "deploy" / "make-secrets.sh"], check=True, capture_output=True)


def check(folder):
    return subprocess.run(
        [DEPLOY / "check-secrets.sh", folder], capture_output=True, text=True, check=False
    )


def test_what_was_made_passes(folder):
    passwords = {file.name: file.read_text() for file in folder.iterdir()}
    assert passwords.keys() == {
        *("postgres", "owner", "worker", "viewer"),
        *("dashboard", "editor", "token"),
    }
    assert {len(password) for password in passwords.values()} == {32}
    assert len(set(passwords.values())) == 7
    assert (check(folder).returncode, check(folder).stderr) == (0, "")


def test_nobody_else_can_enter_the_folder_and_containers_can_read_the_files(folder):
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o444 == 0o444 for file in folder.iterdir())


def test_what_is_there_stays(folder):
    (folder / "worker").write_text("chosen by hand, and long\n")
    (folder / "viewer").unlink()
    make(folder.parent)
    assert (folder / "worker").read_text() == "chosen by hand, and long\n"
    assert len((folder / "viewer").read_text()) == 32
    assert check(folder).returncode == 0


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "it is empty"),
        ("\n", "it is empty"),
        ("hunter2", "fewer than 12 characters"),
        ("ChangeMe-please", "this is a default or well-known"),
        ("my-Password-is", "this is a default or well-known"),
        ("postgrespostgres", "this is a default or well-known"),
    ],
)
@pytest.mark.parametrize("name", ["postgres", "owner", "token"])
def test_one_that_can_be_guessed_is_refused(folder, name, password, said):
    (folder / name).write_text(password)
    done = check(folder)
    assert done.returncode == 1
    assert done.stderr.startswith(f"secrets/{name}: {said}")
    assert done.stderr.count("\n") == 1
    assert "delete it and run deploy/make-secrets.sh" in done.stderr
    assert not password.strip() or password not in done.stderr


def test_one_that_is_used_twice_is_refused(folder):
    (folder / "viewer").write_text((folder / "owner").read_text())
    done = check(folder)
    assert done.returncode == 1
    assert "secrets/owner: it is that of viewer, too" in done.stderr
