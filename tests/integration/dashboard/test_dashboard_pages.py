"""What the dashboard shows of a study that workers have run, on a real database."""

import json
import threading
import time

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from sqlalchemy import make_url, text
from werkzeug.test import Client

from hpo.artifacts import open_artifacts
from hpo.artifacts.dashboard import listing
from hpo.dashboard import additions
from hpo.dashboard.access import Access
from hpo.dashboard.application import application
from hpo.dashboard.note import LINE
from hpo.evaluation import Evaluation
from hpo.storage.database import open_storage
from hpo.storage.keys import CHECKPOINT
from hpo.storage.ownership import Writing
from hpo.study import load_study
from hpo.worker.lease import Outcome

EDITOR = Access(editor="battery-staple-8")
AUTH = ("editor", "battery-staple-8")
PICTURES = ["learning-curve.png", "confusion-matrix.png", "misclassified.png"]
TWO_FOLDS = {"evaluation": {"folds": 2}, "budget": {"trials": 2}}
PNG = b"\x89PNG\r\n"


@pytest.fixture
def browser(database):
    return Client(application(database, open_artifacts(), EDITOR, "127.0.0.1"))


@pytest.fixture
def read(browser):
    """Return what the dashboard's pages read of the first study."""
    return lambda: browser.get("/api/studies/1", auth=AUTH).json


def fetch(browser, artifact, trial=1):
    with browser.get(f"/artifacts/1/{trial}/{artifact}", auth=AUTH) as answer:
        return answer.status_code, answer.content_type, answer.data


def files(shown):
    return {file["filename"]: file["artifact_id"] for file in shown["artifacts"]}


def test_a_study_tells_what_it_is_and_how_to_take_its_best_out(create_study, work, read):
    stored = create_study(**TWO_FOLDS)
    work(stored)
    body = read()["note"]["body"]
    best = stored.study.best_trial
    for said in (
        "**study** blobs (maximize)",
        "**state** finished",
        "**budget** trials 2",
        f"[{stored.study.best_value:.4f} in trial {best.number}]"
        f"(/dashboard/studies/1/trials?numbers={best.number}): rate ",
        "**cost** 16 epochs",
        "**grid** 40 epochs at 5 points",
        "    hpo export blobs -o train.py",
        '    model = "centroid:STEPWISE"',
        "    [space]\n    rate = { low = 0.1, high = 0.9 }",
        "    [budget]\n    trials = 2",
    ):
        assert said in body
    assert body.rstrip().endswith(LINE)


def test_a_note_keeps_up_with_its_study(create_study, work, read, monkeypatch):
    monkeypatch.setattr(additions, "FRESH", 0.0)
    stored = create_study()
    assert "**state** new" in read()["note"]["body"]
    work(stored)
    deadline = time.monotonic() + 30
    while "**state** finished" not in read()["note"]["body"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for thread in {*threading.enumerate()} - {threading.main_thread()}:
        thread.join(10)  # the last one still writes a note


def test_a_note_that_takes_long_is_written_by_one_thread_at_a_time(create_study, read, monkeypatch):
    monkeypatch.setattr(additions, "FRESH", 0.0)
    create_study()
    first = read()["note"]["body"]
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slow(_stored: object) -> str:
        begun.release()
        go_on.wait(30)
        return "slow"

    monkeypatch.setattr(additions.note, "study_note", slow)
    assert [read()["note"]["body"] for _ in range(3)] == [first] * 3
    assert begun.acquire(timeout=30)
    assert not begun.acquire(timeout=0.2)
    go_on.set()
    for thread in {*threading.enumerate()} - {threading.main_thread()}:
        thread.join(10)
    monkeypatch.setattr(additions, "FRESH", 60.0)
    assert read()["note"]["body"].startswith("slow")


def test_a_study_that_has_not_begun_has_a_note_too(create_study, read):
    create_study()
    shown = read()
    assert "**state** new" in shown["note"]["body"]
    assert "none yet" in shown["note"]["body"]
    assert shown["trials"] == []


def test_what_people_write_stays_below_what_hpo_writes(create_study, browser, read, work):
    stored = create_study()
    before = read()["note"]
    mine = f"{before['body']}Try *more* folds."
    sent = {"version": before["version"] + 1, "body": mine}
    assert browser.put("/api/studies/1/note", json=sent, auth=AUTH).status_code == 204
    work(stored)
    note = Client(browser.application).get("/api/studies/1", auth=AUTH).json["note"]
    assert note["version"] == 1
    assert note["body"].count(LINE) == 1
    assert note["body"].partition(LINE)[2].strip() == "Try *more* folds."
    kept = stored.study._storage.get_study_system_attrs(1)
    assert kept["dashboard:note_str:0"] == "Try *more* folds."


def test_a_note_that_has_changed_meanwhile_is_not_written_over(create_study, browser):
    create_study()
    sent = {"version": 1, "body": "first"}
    assert browser.put("/api/studies/1/note", json=sent, auth=AUTH).status_code == 204
    assert browser.put("/api/studies/1/note", json=sent, auth=AUTH).status_code == 409


def test_a_trial_tells_where_it_ran_and_how_long(create_study, work, read):
    work(create_study(**TWO_FOLDS))
    shown = read()["trials"][0]
    body = shown["note"]["body"]
    assert "**worked** " in body
    assert "**device** " in body
    assert body.count("0.") >= 2  # the values of its folds
    assert "**environment** " in body
    assert {attr["key"] for attr in shown["user_attrs"]} == {"seed"}  # raw, they make a wide page


def test_a_complete_trial_has_pictures_among_its_files(create_study, work, browser, read):
    work(create_study(**TWO_FOLDS))
    shown = read()
    assert shown["best_trials"][0]["artifacts"] == next(
        trial["artifacts"]
        for trial in shown["trials"]
        if trial["number"] == shown["best_trials"][0]["number"]
    )
    found = files(shown["trials"][0])
    assert {*PICTURES, "evaluation.json", "log.txt"} < {*found}
    for name in PICTURES:
        code, kind, content = fetch(browser, found[name])
        assert (code, kind, content[: len(PNG)]) == (200, "image/png", PNG)
    _, kind, content = fetch(browser, found["evaluation.json"])
    assert kind == "application/json"
    folds = Evaluation.read(content).folds
    assert {fold: sum(rows for *_, rows in cells) for fold, cells in folds.items()} == {
        0: 30,
        1: 30,
    }


def test_a_trial_that_was_pruned_has_them_too(create_study, work, read):
    stored = create_study(pruner={"name": "halving", "min_resource": 1}, budget={"trials": 4})
    work(stored)
    pruned = [trial for trial in read()["trials"] if trial["state"] == "Pruned"]
    assert pruned
    assert all({*PICTURES, "evaluation.json"} <= {*files(trial)} for trial in pruned)


def test_a_trial_that_runs_has_its_curve(create_study, leases, read, browser):
    stored = create_study()
    leases(stored).take()
    stored.study._storage.set_trial_intermediate_value(1, 1, 0.5)
    found = files(read()["trials"][0])
    assert [*found] == ["learning-curve.png"]
    assert fetch(browser, found["learning-curve.png"])[0] == 200


def test_what_a_trial_would_go_on_from_is_among_its_files_until_it_ends(
    create_study, leases, read, browser
):
    lease = leases(create_study()).take()
    kept = open_artifacts().save_checkpoint("blobs", 0, ".npz", lambda file: file.write(b"weights"))
    lease.write(Writing(system_attrs={CHECKPOINT: {"fold": 1, "artifact": kept}}))
    (checkpoint,) = [file for name, file in files(read()["trials"][0]).items() if ".npz" in name]
    assert files(read()["trials"][0]) == {"checkpoint-fold-2.npz": checkpoint}
    assert fetch(browser, checkpoint) == (200, "application/octet-stream", b"weights")
    assert fetch(browser, checkpoint, trial=2)[0] == 404
    lease.end(Outcome(state=TrialState.PRUNED), Writing(system_attrs={CHECKPOINT: None}))
    assert files(read()["trials"][0]) == {}
    assert fetch(browser, checkpoint)[0] == 404


def test_a_curve_is_drawn_anew_when_it_has_grown(create_study, leases, browser):
    stored = create_study()
    leases(stored).take()
    curve = b"learning-curve.png".hex()
    pictures = []
    for step in (1, 2):
        stored.study._storage.set_trial_intermediate_value(1, step, 0.5 + step / 10)
        pictures += [fetch(browser, curve)[2], fetch(browser, curve)[2]]
    assert pictures[0] == pictures[1] != pictures[2] == pictures[3]


def test_a_curve_is_drawn_anew_beside_a_better_best(create_study, browser):
    study = create_study().study
    pictures = []
    for value in (0.5, 0.7):
        study.add_trial(create_trial(value=value, intermediate_values={1: value / 2, 2: value}))
        pictures.append(fetch(browser, b"learning-curve.png".hex())[2])
    assert pictures[0] != pictures[1]


def test_pictures_that_are_not_there_are_not_found(create_study, leases, browser):
    leases(create_study()).take()
    for name in PICTURES[1:]:
        assert fetch(browser, name.encode().hex())[0] == 404
    assert fetch(browser, PICTURES[0].encode().hex(), trial=99)[0] == 404
    assert fetch(browser, b"blobs/0/x".hex())[0] == 404


def test_a_study_of_plain_optuna_is_shown_as_it_is(database, browser):
    study = optuna.create_study(study_name="theirs", storage=database.storage)
    trial = study.ask()
    trial.report(0.5, 1)
    for name in ("runs", "device", "folds"):  # names of ours, with a meaning of theirs
        trial.set_user_attr(name, 3)
    study.tell(trial, 1.0)
    shown = browser.get("/api/studies/1", auth=AUTH).json
    assert shown["note"] == {"version": 0, "body": ""}
    assert shown["trials"][0]["note"]["body"] == ""
    assert fetch(browser, files(shown["trials"][0])["learning-curve.png"])[0] == 200


def test_attributes_of_others_under_our_names_hide_nothing(create_study, work, read, hpo):
    stored = create_study(budget={"trials": 1})
    work(stored)
    trial = stored.study.ask({})
    for name, value in {"device": "a laptop", "environment": ["home"], "folds": "all"}.items():
        trial.set_user_attr(name, value)
    stored.study.tell(trial, 1.0)
    first, second = read()["trials"]
    assert "**device** " in first["note"]["body"]
    assert second["note"]["body"] == ""
    assert {attr["key"] for attr in second["user_attrs"]} == {"device", "environment", "folds"}
    shown = hpo("status", "blobs")
    assert (shown.code, "1.0000 in trial 1" in shown.out, "laptop" in shown.out) == (0, True, False)
    refused = hpo("export", "blobs")
    assert (refused.code, refused.err) == (
        2,
        'hpo: trial 1 of the study "blobs" was not run by a worker of hpo: nothing says with which '
        "seed and versions; choose another one with --trial\n",
    )


def test_a_study_of_ours_keeps_its_name_also_for_an_admin(create_study, database):
    stored = create_study()
    optuna.create_study(study_name="theirs", storage=database.storage)
    admin = Access(editor=EDITOR.editor, editor_is_admin=True)
    browser = Client(application(database, open_artifacts(), admin, "127.0.0.1"))
    sent = {"study_name": "other"}
    refused = browser.post(f"/api/studies/{stored.study_id}/rename", json=sent, auth=AUTH)
    assert (refused.status_code, "keeps the name" in refused.json["reason"]) == (403, True)
    assert browser.post("/api/studies/2/rename", json=sent, auth=AUTH).status_code == 201
    assert {*optuna.get_all_study_names(database.storage)} == {"blobs", "other"}


def test_a_study_that_an_admin_deletes_goes_with_its_checkpoints(database, create_study, leases):
    access = Access(editor=EDITOR.editor, editor_is_admin=True)
    browser = Client(application(database, open_artifacts(), access, "127.0.0.1"))
    lease = leases(create_study()).take()
    kept = open_artifacts().save_checkpoint("blobs", 0, ".npz", lambda file: file.write(b"weights"))
    lease.write(Writing(system_attrs={CHECKPOINT: {"fold": 0, "artifact": kept}}))
    optuna.create_study(storage=database.storage, study_name="theirs")
    for study_id in (1, 2):
        answer = browser.delete(f"/api/studies/{study_id}", json={}, auth=AUTH)
        assert answer.status_code == 204
    assert optuna.get_all_study_names(database.storage) == []
    assert open_artifacts().usage() == 0


def test_an_html_file_of_a_trial_is_in_a_sandbox(create_study, leases, browser):
    stored = create_study()
    leases(stored).take()
    kept = open_artifacts().save("blobs", 0, ".html", lambda f: f.write(b"<script>1</script>"))
    stored.study._storage.set_trial_system_attr(1, *listing(kept, "page.html"))
    with browser.get(f"/artifacts/1/1/{kept.encode().hex()}", auth=AUTH) as answer:
        assert answer.data == b"<script>1</script>"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "blobs/0/../../../secret"])
def test_an_id_that_leads_out_of_the_store_reads_nothing(
    create_study, leases, browser, home_folder, name
):
    home_folder.mkdir(exist_ok=True)
    (home_folder / "secret").write_text("secret")
    stored = create_study()
    leases(stored).take()
    hexed = name.encode().hex()
    assert fetch(browser, hexed)[0] == 404  # that nobody has listed
    meta = {"artifact_id": hexed, "filename": "x", "mimetype": "text/plain", "encoding": None}
    stored.study._storage.set_trial_system_attr(1, f"artifacts:{hexed}", json.dumps(meta))
    code, _, content = fetch(browser, hexed)
    assert code == 502
    assert b"secret" not in content


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"x" * 3_000_000, b'{"classes": [1]}'])
def test_an_evaluation_that_is_none_is_not_drawn(create_study, leases, browser, content):
    stored = create_study()
    leases(stored).take()
    kept = open_artifacts().save("blobs", 0, ".json", lambda file: file.write(content))
    stored.study._storage.set_trial_system_attr(1, *listing(kept, "evaluation.json"))
    assert fetch(browser, PICTURES[1].encode().hex())[0] == 502


def test_a_role_that_may_only_read_is_enough_to_look(create_study, work, database, database_url):
    work(create_study(budget={"trials": 30}))
    with database.engine.begin() as connection:
        connection.execute(text("CREATE ROLE looker LOGIN PASSWORD 'x'"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker"))
    try:
        url = make_url(database_url).set(username="looker", password="x")
        given = url.render_as_string(hide_password=False)
        with open_storage(application_name="look", url=given) as looking:
            looker = Client(application(looking, open_artifacts(), EDITOR, "127.0.0.1"))
            assert looker.get("/healthz").status_code == 200
            shown = looker.get("/api/studies/1", auth=AUTH).json
            assert "**state** finished" in shown["note"]["body"]
            for path in ("/api/studies", "/csv/1", "/api/studies/1/param_importances"):
                assert looker.get(path, auth=AUTH).status_code == 200
            assert fetch(looker, PICTURES[0].encode().hex())[0] == 200
            sent = {"version": 1, "body": "mine"}
            answer = looker.put("/api/studies/1/note", json=sent, auth=AUTH)
            assert (answer.status_code, "may only read" in answer.json["reason"]) == (403, True)
            admin = Access(editor=EDITOR.editor, editor_is_admin=True)
            admins = Client(application(looking, open_artifacts(), admin, "127.0.0.1"))
            answer = admins.delete("/api/studies/1", auth=AUTH, json={})
            assert (answer.status_code, "may only read" in answer.json["reason"]) == (403, True)
        assert load_study(database, "blobs").study.trials
    finally:
        with database.engine.begin() as connection:
            connection.execute(text("DROP OWNED BY looker"))
            connection.execute(text("DROP ROLE looker"))
