"""What killed workers leave on a machine's disk."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpo.worker.scratch import NEW, remove_left_over, scratch

HOLD = """
import time
from hpo.worker.scratch import scratch
with scratch() as folder:
    (folder / "weights").write_bytes(b"0" * 1000)
    print(folder, flush=True)
    time.sleep(600)
"""


KILLED_AS_IT_SAVES = """
import os, signal
from hpo.artifacts import open_artifacts
from hpo.worker.results import Results
class Code:
    def save(trained, folder):
        assert not any(folder.iterdir())
        (folder / "model").write_bytes(b"0" * 1000)
        os.kill(os.getpid(), signal.SIGKILL)
Results(artifacts=open_artifacts(), study="any", number=0).keep_model(Code, 0, None)
"""


@pytest.fixture
def holder(tmp_path, monkeypatch):
    """A process that has a folder, which is older than a new one, and that folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    folder = Path(process.stdout.readline().strip())
    os.utime(folder, (time.time() - 2 * NEW,) * 2)
    yield process, folder
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def no_locks(monkeypatch):
    """Let flock fail as on Lustre, where it is not switched on."""

    def refuse(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", refuse)


def test_what_a_killed_process_has_left_is_removed(holder):
    process, folder = holder
    process.kill()
    process.wait()
    remove_left_over()
    assert not folder.exists()


def test_what_another_process_uses_stays(holder):
    _, folder = holder
    remove_left_over()
    assert (folder / "weights").exists()


def test_the_folder_of_another_machine_stays_whose_lock_may_not_be_seen(holder, monkeypatch):
    process, folder = holder
    process.kill()
    process.wait()
    for name in ("another", socket.gethostname()[:-1]):
        with monkeypatch.context() as patch:
            patch.setattr(socket, "gethostname", lambda name=name: name)
            remove_left_over()
    assert folder.exists()


@pytest.mark.usefixtures("no_locks")
def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch() as folder:
        os.utime(folder, (time.time() - 2 * NEW,) * 2)
        remove_left_over()
        assert folder.exists()
    assert not folder.exists()


def test_what_is_new_stays_since_its_lock_may_be_about_to_be_taken(holder):
    process, folder = holder
    process.kill()
    process.wait()
    os.utime(folder)
    remove_left_over()
    assert folder.exists()


def test_the_model_of_a_worker_that_was_killed_as_it_saved_it_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", KILLED_AS_IT_SAVES], check=False)
    assert done.returncode == -signal.SIGKILL
    (folder,) = tmp_path.iterdir()
    os.utime(folder, (time.time() - 2 * NEW,) * 2)
    remove_left_over()
    assert not folder.exists()


def test_a_folder_goes_with_its_body():
    with scratch() as folder:
        assert folder.exists()
    assert not folder.exists()
