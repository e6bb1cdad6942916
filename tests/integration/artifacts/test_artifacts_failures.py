"""Whatever fails is an ArtifactError of one line, soon, and leaves nothing that looks whole."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from botocore.config import Config

from hpo.artifacts import bucket as bucket_module
from hpo.artifacts import open_artifacts
from hpo.errors import ArtifactError

SOME = "letters/0/" + "0" * 32
NOBODY = 65534


def save(artifacts, content=b"x"):
    return artifacts.save("letters", 0, ".npz", lambda file: file.write(content))


def uses(artifacts):
    """Return each way to use a store."""
    return {
        "save": lambda: save(artifacts),
        "open": lambda: artifacts.open(SOME),
        "remove": lambda: artifacts.remove(SOME),
        "forget checkpoints": lambda: artifacts.forget_checkpoints("letters", 0),
        "forget a study": lambda: artifacts.forget_study("letters"),
        "usage": artifacts.usage,
    }


def test_what_the_writer_raises_passes_and_nothing_is_left(artifacts, place, stored):
    def write(file):
        file.write(b"half")
        raise ValueError("no such layer")

    with pytest.raises(ValueError, match="no such layer"):
        artifacts.save("letters", 0, ".npz", write)
    assert stored(place) == []
    assert not Path(place).exists() or not list(Path(place, "_unfinished").iterdir())


# Folders


@contextmanager
def as_nobody():
    """Lay down root's rights, which no folder can refuse."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shut(short_folder):
    """Yield what changes the rights to a folder that holds an artifact, until the test ends."""
    folder = short_folder / "shut"
    kept = save(open_artifacts(str(folder)))
    paths = [folder, *folder.rglob("*")]

    def change(rights):
        for path in reversed(paths):
            path.chmod(rights)
        return open_artifacts(str(folder)), kept

    yield change
    for path in paths:
        path.chmod(0o700)
    shutil.rmtree(folder)


def assert_denied(*acts):
    for act in acts:
        with pytest.raises(ArtifactError, match=r"^/[^\n]*/shut[^\n]*: Permission denied$"):
            act()


def test_a_folder_that_can_not_be_written(shut):
    artifacts, kept = shut(0o555)
    with as_nobody():
        assert_denied(
            lambda: save(artifacts),
            lambda: artifacts.remove(kept),
            lambda: artifacts.forget_study("letters"),
        )
        with artifacts.open(kept) as file:
            assert file.read() == b"x"


def test_a_folder_that_can_not_be_read(shut):
    artifacts, kept = shut(0)
    with as_nobody():
        assert_denied(artifacts.usage, lambda: artifacts.open(kept), lambda: save(artifacts))


def test_a_folder_that_can_not_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match=rf"^{tmp_path}/file/[^\n]*: Not a directory$"):
        save(open_artifacts(str(tmp_path / "file/artifacts")))


def test_a_folder_that_vanishes_is_made_anew(folder, stored):
    artifacts = open_artifacts(folder)
    save(artifacts)
    shutil.rmtree(folder)
    kept = save(artifacts)
    assert stored(folder) == [kept]


# A disk of a MiB, which vanishes with the process that mounted it; it needs no root.
MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
ON_SMALL_DISK = 'mount -t tmpfs -o size=1m tmpfs "$1"; shift; exec "$@"'
FILL = """
import os, pathlib, sys
from hpo.artifacts import open_artifacts
from hpo.errors import ArtifactError
artifacts = open_artifacts()
def save(size):
    return artifacts.save("letters", 0, ".npz", lambda file: file.write(bytes(size)))
small = save(100_000)
try:
    save(2_000_000)
except ArtifactError as error:
    print(error)
with artifacts.open(small) as file:
    print(len(file.read()), artifacts.usage())
save(100_000)
print(len([path for path in pathlib.Path(sys.argv[1]).rglob("*") if path.is_file()]))
"""


@pytest.fixture
def disk(tmp_path):
    """Return where a small disk can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    trial = [*MOUNT, ON_SMALL_DISK, "sh", folder, "true"]
    if not shutil.which("unshare") or subprocess.run(trial, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    return folder


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_a_full_disk(kind, request, disk):
    # A folder lies on that disk; for a bucket, it is where files wait to be sent.
    place = str(disk) if kind == "folder" else request.getfixturevalue("bucket")
    ended = subprocess.run(
        [*MOUNT, ON_SMALL_DISK, "sh", disk, sys.executable, "-c", FILL, disk],
        env={**os.environ, "HPO_ARTIFACTS": place, "TMPDIR": str(disk)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    said, read, files = ended.stdout.splitlines()
    assert said.startswith(place)
    assert "No space left on device" in said
    assert read == "100000 100000"
    assert files == ("2" if kind == "folder" else "0")


# Processes that are killed


WRITE_AND_WAIT = """
import time
from hpo.artifacts import open_artifacts
def write(file):
    file.write(bytes(1_000_000))
    file.flush()
    print("half", flush=True)
    time.sleep(60)
open_artifacts().save("letters", 0, ".npz", write)
"""
SEND_AND_WAIT = """
import time
from hpo.artifacts import open_artifacts
artifacts = open_artifacts()
def wait(params, **_):
    if params["query_string"].get("partNumber") == 2:
        print("half", flush=True)
        time.sleep(60)
artifacts.place.client.meta.events.register("before-call.s3.UploadPart", wait)
artifacts.save("letters", 0, ".npz", lambda file: file.write(bytes(20_000_000)))
"""


def kill_when_half_done(program):
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"half\n"
        writer.kill()


def test_a_process_that_is_killed_while_it_writes_leaves_nothing(artifacts, place, stored):
    kill_when_half_done(WRITE_AND_WAIT)
    assert stored(place) == []
    assert artifacts.usage() == 0


@pytest.mark.parametrize("place", ["bucket"], indirect=True)
def test_a_process_that_is_killed_while_it_sends_leaves_nothing(artifacts, place, stored):
    kill_when_half_done(SEND_AND_WAIT)
    assert stored(place) == []
    assert artifacts.usage() == 0


def test_what_a_killed_process_left_goes_with_a_later_save(folder, monkeypatch):
    monkeypatch.setenv("HPO_ARTIFACTS", folder)
    kill_when_half_done(WRITE_AND_WAIT)
    (left,) = Path(folder, "_unfinished").iterdir()
    save(open_artifacts())
    assert left.exists()  # for all we know, somebody still writes it
    os.utime(left, (time.time() - 7200,) * 2)
    save(open_artifacts())
    assert not left.exists()


# Buckets


@pytest.fixture
def impatient(monkeypatch):
    """Wait less for an answer than in earnest, so that the test does."""
    quick = bucket_module.SETTINGS.merge(Config(read_timeout=0.2))
    monkeypatch.setattr(bucket_module, "SETTINGS", quick)


@contextmanager
def listening(answer=None):
    """Listen on a port; give each connection this answer and nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def take():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                taken.append(connection)
                if answer:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


def assert_each_use_fails(match):
    artifacts = open_artifacts("s3://trials/prefix")
    for name, use in uses(artifacts).items():
        started = time.monotonic()
        with pytest.raises(ArtifactError, match=rf"^s3://trials/prefix/[^\n]*: [^\n]*{match}"):
            use()
        assert time.monotonic() - started < 10, name


def test_a_server_that_is_not_there(credentials):
    with closing(socket.create_server(("127.0.0.1", 0))) as once:
        port = once.getsockname()[1]
    credentials.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    assert_each_use_fails("Could not connect to the endpoint URL")


@pytest.mark.usefixtures("impatient")
def test_a_server_that_never_answers(credentials):
    with listening() as url:
        credentials.setenv("AWS_ENDPOINT_URL_S3", url)
        assert_each_use_fails("Read timeout on endpoint URL")


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stops_in_the_middle_of_a_file(credentials):
    with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it") as url:
        credentials.setenv("AWS_ENDPOINT_URL_S3", url)
        with pytest.raises(ArtifactError, match=r"^s3://trials/prefix/[^\n]*: Read timeout"):
            open_artifacts("s3://trials/prefix").open(SOME)


def test_a_server_that_refuses(credentials):
    refusal = b"<Error><Code>AccessDenied</Code><Message>Not\nyou</Message></Error>"
    head = f"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: {len(refusal)}\r\n\r\n"
    with listening(head.encode() + refusal) as url:
        credentials.setenv("AWS_ENDPOINT_URL_S3", url)
        assert_each_use_fails(r"\(AccessDenied\) when calling .*: Not you$")


def test_a_bucket_that_is_not_there(s3_server, credentials):
    credentials.setenv("AWS_ENDPOINT_URL_S3", s3_server)
    assert_each_use_fails("The specified bucket does not exist")


def test_no_credentials(s3_server, aws):
    aws.setenv("AWS_ENDPOINT_URL_S3", s3_server)
    assert_each_use_fails("Unable to locate credentials")
