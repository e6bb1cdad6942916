"""No more is kept than the quota allows, and to know that costs little."""

import re

import pytest

from hpo.artifacts import open_artifacts
from hpo.errors import ArtifactError

FULL = r"^600 bytes are not kept: 600 of 1,000 are in use: .* raise HPO_ARTIFACT_QUOTA$"


@pytest.fixture
def limited(artifacts, monkeypatch):
    """The store with room for a thousand bytes."""
    del artifacts
    monkeypatch.setenv("HPO_ARTIFACT_QUOTA", "1KB")
    return open_artifacts()


def save(artifacts, size, trial=0):
    return artifacts.save("letters", trial, ".bin", lambda file: file.write(b"x" * size))


def test_what_does_not_fit_is_refused_and_leaves_nothing(limited, place, stored):
    kept = save(limited, 600)
    with pytest.raises(ArtifactError, match=FULL):
        save(limited, 600)
    assert stored(place) == [kept]
    fits = save(limited, 400)
    assert stored(place) == sorted([kept, fits])
    assert limited.usage() == 1000


def test_what_was_there_before_counts(artifacts, limited):
    save(artifacts, 600)
    with pytest.raises(ArtifactError, match=FULL):
        save(limited, 600)


def test_what_is_removed_makes_room_at_once(limited):
    for free in (
        limited.remove,
        lambda _: limited.forget_study("letters"),
    ):
        kept = save(limited, 600)
        with pytest.raises(ArtifactError, match=FULL):
            save(limited, 600)
        free(kept)
    save(limited, 1000)


def test_checkpoints_that_are_forgotten_make_room_at_once(limited):
    for _ in range(3):
        limited.save_checkpoint("letters", 0, ".npz", lambda file: file.write(b"x" * 600))
        limited.forget_checkpoints("letters", 0)


def test_a_save_that_fails_takes_no_room(limited):
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            limited.save("letters", 0, ".bin", lambda file: file.write(b"x" * 600) / 0)
    save(limited, 1000)


def test_a_bucket_is_not_listed_at_each_save(bucket, monkeypatch):
    monkeypatch.setenv("HPO_ARTIFACT_QUOTA", "1KB")
    artifacts, asked = open_artifacts(bucket), []
    artifacts.place.client.meta.events.register(
        "before-call.s3", lambda model, **_: asked.append(model.name)
    )
    for _ in range(10):
        save(artifacts, 100)
    for _ in range(10):
        with pytest.raises(ArtifactError, match=re.escape("1,000 of 1,000 are in use")):
            save(artifacts, 1)
    assert asked == ["ListObjectsV2", *["PutObject"] * 10]
