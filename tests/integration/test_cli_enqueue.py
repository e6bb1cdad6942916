"""What `hpo enqueue` queues, what it prints, and how a warm start is shown."""

import json

import pytest
from blobs import write_definition


@pytest.fixture
def created(rows, hpo):
    """A folder with a definition that was stored."""
    write_definition(rows.parent, budget={"trials": 6})
    assert hpo("create", "blobs.toml") == (0, "blobs\n", "")
    return rows.parent


@pytest.mark.usefixtures("created")
def test_values_are_queued_and_shown(hpo):
    assert hpo("enqueue", "blobs", "rate=0.25") == (0, "queued trial 0: rate 0.25\n", "")
    assert hpo("enqueue", "blobs", "rate=0.5") == (0, "queued trial 1: rate 0.5\n", "")
    assert "state   new\n" in hpo("status", "blobs").out
    assert "trials  waiting 2\n" in hpo("status", "blobs").out
    assert hpo("worker", "blobs").code == 0
    counts = json.loads(hpo("status", "blobs", "--json").out)["counts"]
    assert (counts["complete"], counts["waiting"]) == (6, 0)


def test_a_file_that_has_grown_is_queued_again(hpo, created):
    path = created / "best.toml"
    path.write_text("[[trials]]\nrate = 0.25\n[[trials]]\nrate = 0.5\n")
    assert hpo("enqueue", "blobs", "--file", "best.toml") == (
        0,
        "queued trial 0: rate 0.25\nqueued trial 1: rate 0.5\n",
        "",
    )
    path.write_text(path.read_text() + "[[trials]]\nrate = 0.75\n")
    assert hpo("enqueue", "blobs", "--file", "best.toml") == (
        0,
        "queued trial 2: rate 0.75\n",
        "trial 0 has these values already: rate 0.25\ntrial 1 has these values already: rate 0.5\n",
    )


@pytest.mark.parametrize("text", ["kernel=rbf", 'kernel="rbf"', "kernel='rbf'"])
def test_a_text_needs_no_quotes(hpo, created, text):
    write_definition(
        created,
        name="svm",
        model="svm",
        space={"kernel": ["rbf", "linear"], "C": {"low": 1, "high": 1000, "log": True}},
        fixed={"components": 2, "whiten": False},
    )
    hpo("create", "svm.toml")
    assert hpo("enqueue", "svm", text, "C=10").out == "queued trial 0: kernel rbf, C 10\n"


@pytest.mark.slow
@pytest.mark.usefixtures("created")
def test_a_study_that_starts_from_another_says_so(hpo, tmp_path):
    hpo("worker", "blobs")
    start = {"study": "blobs", "top": 9}
    write_definition(tmp_path, name="fine", budget={"trials": 6}, warm_start=start)
    told = 'warm start from "blobs": queued 6 of its best 6; top = 9, but no more are complete\n'
    assert hpo("create", "fine.toml") == (0, "fine\n", told)
    assert hpo("create", "fine.toml") == (0, "fine\n", "")
    said = hpo("check").out
    assert "fine: 60 rows, the same as when the study was created; it started from the" in said
    assert "it started from the best 9 of blobs\n" in said
