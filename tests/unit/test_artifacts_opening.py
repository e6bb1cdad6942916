"""What HPO_ARTIFACTS and HPO_ARTIFACT_QUOTA may say, and when the quota is measured."""

import time

import pytest

from hpo.artifacts import open_artifacts
from hpo.artifacts.quota import REMEASURE, RETRY, Quota
from hpo.errors import ArtifactError, InputError


@pytest.mark.parametrize(
    "given",
    [
        "s3://",
        "s3:///prefix",
        "s3:bucket",
        "s3://b",
        "s3://bucket/../elsewhere",
        "s3://bucket//prefix",
        "s3://bucket/a prefix",
        "s3://bucket?endpoint=http://localhost:9000",
        "s3://me:secret@bucket/prefix",
        "gs://bucket",
        "https://localhost:9000/bucket",
    ],
)
def test_a_url_that_names_no_bucket_is_refused(given, monkeypatch):
    monkeypatch.setenv("HPO_ARTIFACTS", given)
    with pytest.raises(InputError, match=r"^HPO_ARTIFACTS: .*s3://bucket/prefix$") as refused:
        open_artifacts()
    assert "secret" not in str(refused.value)


def test_a_file_is_no_folder(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HPO_ARTIFACTS", str(tmp_path / "file"))
    with pytest.raises(
        InputError, match=r"^HPO_ARTIFACTS: .*/file is not a folder: write a folder"
    ):
        open_artifacts()


def test_a_relative_folder_begins_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = open_artifacts("here").save("letters", 0, "", lambda file: file.write(b"x"))
    assert (tmp_path / "here" / kept).exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AWS_ENDPOINT_URL_S3", "localhost:9000"), ("AWS_PROFILE", "nobody")],
)
def test_a_setting_of_boto3_that_is_wrong_is_named(variable, value, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=rf"^HPO_ARTIFACTS: the bucket b-1 [^\n]*{value}[^\n]*$"):
        open_artifacts("s3://b-1")


@pytest.mark.parametrize("given", ["20", "GB", "-1GB", "0MB", "20 apples", "1e3MB", "nan"])
def test_a_quota_that_is_no_size_is_refused(given, monkeypatch):
    monkeypatch.setenv("HPO_ARTIFACT_QUOTA", given)
    with pytest.raises(
        InputError, match=r'^HPO_ARTIFACT_QUOTA: .* is not a size: write it as "20GB"'
    ):
        open_artifacts()


@pytest.mark.parametrize(
    ("given", "limit"), [("10B", 10), ("1KB", 1000), ("0.5 kb", 500), ("0.001mb", 1000)]
)
def test_a_quota_is_a_number_and_a_unit(given, limit, monkeypatch):
    monkeypatch.setenv("HPO_ARTIFACT_QUOTA", given)
    artifacts = open_artifacts()
    artifacts.save("letters", 0, "", lambda file: file.write(bytes(limit)))
    with pytest.raises(ArtifactError, match=rf"^1 bytes .* {limit:,} of {limit:,} are in use"):
        artifacts.save("letters", 0, "", lambda file: file.write(b"x"))


@pytest.fixture
def clock(monkeypatch):
    """Return what moves the time on."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_what_others_saved_is_noticed_after_a_while(clock):
    used = [0]
    quota = Quota(100, lambda: used[0])
    with quota.room(10):
        used[0] = 95
    with quota.room(10):
        clock(REMEASURE + 1)
    with pytest.raises(ArtifactError, match="95 of 100"), quota.room(10):
        pass


def test_what_others_removed_is_noticed_sooner(clock):
    used = [95]
    quota = Quota(100, lambda: used[0])
    with pytest.raises(ArtifactError), quota.room(10):
        pass
    used[0] = 0
    with pytest.raises(ArtifactError), quota.room(10):
        pass
    clock(RETRY + 1)
    with quota.room(10):
        pass
