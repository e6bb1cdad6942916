"""Optuna and its dashboard use the same store."""

import base64
import json

import optuna
import optuna_dashboard
import pytest
from optuna.artifacts import download_artifact, get_all_artifact_meta, upload_artifact
from optuna.artifacts.exceptions import ArtifactNotFound
from werkzeug.test import Client

from hpo.artifacts.dashboard import OptunaStore, listing
from hpo.errors import ArtifactError

NONE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def study():
    study = optuna.create_study(storage=optuna.storages.InMemoryStorage())
    study.ask()
    return study


@pytest.fixture
def store(artifacts):
    return OptunaStore(artifacts)


@pytest.fixture
def browser(study, store):
    return Client(optuna_dashboard.wsgi(study._storage, artifact_store=store))


def fetch(browser, artifact):
    with browser.get(f"/artifacts/0/0/{artifact}") as answer:
        return answer.status_code, answer.content_type, answer.data


def test_an_artifact_is_listed_with_its_trial_and_downloaded(study, store, browser, tmp_path):
    kept = store.artifacts.save("letters", 0, ".png", lambda file: file.write(b"a figure"))
    study._storage.set_trial_system_attr(study.trials[0]._trial_id, *listing(kept, "matrix.png"))
    (meta,) = get_all_artifact_meta(study.trials[0], storage=study._storage)
    assert (meta.filename, meta.mimetype, meta.encoding) == ("matrix.png", "image/png", None)
    download_artifact(
        artifact_store=store, artifact_id=meta.artifact_id, file_path=str(tmp_path / "copy")
    )
    assert (tmp_path / "copy").read_bytes() == b"a figure"
    assert fetch(browser, meta.artifact_id) == (200, "image/png", b"a figure")


def test_what_is_uploaded_is_kept_and_deleted(study, store, browser, tmp_path, place, stored):
    (tmp_path / "notes.txt").write_bytes(b"from a program")
    name = upload_artifact(
        artifact_store=store,
        file_path=str(tmp_path / "notes.txt"),
        study_or_trial=study.trials[0],
        storage=study._storage,
    )
    data = f"data:text/plain;base64,{base64.b64encode(b'from a person').decode()}"
    answer = browser.post("/api/artifacts/0/0", json={"file": data, "filename": "more.txt"})
    other = json.loads(answer.data)["artifact_id"]
    assert stored(place) == sorted([f"_uploads/{name}", f"_uploads/{other}"])
    assert fetch(browser, name) == (200, "text/plain", b"from a program")
    assert fetch(browser, other) == (200, "text/plain", b"from a person")
    for uploaded in (name, other):
        assert browser.delete(f"/api/artifacts/0/0/{uploaded}").status_code == 204
    assert stored(place) == []


def test_what_is_not_there_is_said_in_optunas_words(store):
    with pytest.raises(ArtifactNotFound):
        store.open_reader(NONE)
    store.remove(NONE)


def test_an_id_that_is_none_reaches_no_file(store):
    for artifact in ("..", "../x", "zz", "ff", b"../../etc/passwd".hex(), ""):
        with pytest.raises(ArtifactError, match="is not the id of an artifact"):
            store.open_reader(artifact)
