"""A folder and a bucket for artifacts; the bucket's server is a real process that speaks S3."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest

from hpo.artifacts import Artifacts, open_artifacts

# It ends when its standard input does, so also when the tests are killed.
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
buckets = (f"trials-{number}" for number in count())


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout
        yield f"http://localhost:{int(server.stdout.readline())}"
        server.kill()


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Hide the user's own access to buckets; give what sets another one, which none is yet."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def credentials(aws: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    aws.setenv("AWS_ACCESS_KEY_ID", "somebody")
    aws.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return aws


@pytest.fixture
def bucket(s3_server: str, credentials: pytest.MonkeyPatch) -> str:
    """A fresh bucket with a prefix."""
    credentials.setenv("AWS_ENDPOINT_URL_S3", s3_server)
    name = next(buckets)
    boto3.Session().client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return f"s3://{name}/some/prefix"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "artifacts")


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One place and then the other, as the user sets it."""
    given: str = request.getfixturevalue(request.param)
    monkeypatch.setenv("HPO_ARTIFACTS", given)
    return given


@pytest.fixture
def artifacts(place: str) -> Artifacts:
    del place
    return open_artifacts()


@pytest.fixture
def stored() -> Callable[[str], list[str]]:
    """List what a person finds in a place, however it got there; no half-written file."""

    def listed(place: str) -> list[str]:
        if not place.startswith("s3://"):
            files = [path.relative_to(place) for path in Path(place).rglob("*") if path.is_file()]
            return sorted(str(path) for path in files if path.parts[0] != "_unfinished")
        name, _, prefix = place.removeprefix("s3://").partition("/")
        found: dict[str, Any] = boto3.Session().client("s3").list_objects_v2(Bucket=name)
        keys = [one["Key"] for one in found.get("Contents", ())]
        assert all(key.startswith(prefix) for key in keys)
        return sorted(key.removeprefix(f"{prefix}/") for key in keys)

    return listed
