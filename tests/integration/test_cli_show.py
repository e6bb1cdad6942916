"""What commands print of studies: results on stdout, talk on stderr."""

import json
import time
from importlib import import_module
from threading import Thread

import pytest
from blobs import write_definition
from optuna.trial import TrialState, create_trial

from hpo.errors import DefinitionError
from hpo.study import load_study

pytestmark = pytest.mark.usefixtures("studies")


@pytest.fixture
def studies(rows, hpo):
    """Two definitions, the first of which is created and worked on."""
    tmp_path = rows.parent
    write_definition(tmp_path)
    write_definition(tmp_path, name="second", budget={"steps": 10, "wall_time": "1h"})
    assert hpo("create", "blobs.toml").out == "blobs\n"
    assert hpo("worker", "blobs").code == 0


def test_a_wrong_setting_hides_no_study(hpo, monkeypatch):
    monkeypatch.setenv("HPO_GRACE", "soon")
    assert hpo("create", "second.toml").out == "second\n"
    assert hpo("status") == (
        2,
        "",
        "hpo: HPO_GRACE: soon is not valid: give seconds, from 1 to 86400\n",
    )


def test_studies_that_can_not_be_shown_are_not_said_to_be_missing(hpo, monkeypatch):
    def other_version(*_):
        raise DefinitionError('study "blobs"', "", "another version of hpo made it")

    monkeypatch.setattr("hpo.study.load_study", other_version)
    assert hpo("status") == (0, "", 'hpo: study "blobs": another version of hpo made it\n')


def test_json_holds_these_keys(hpo):
    said = hpo("status", "blobs", "--json")
    assert (said.code, said.err) == (0, "")
    shown = json.loads(said.out)
    best = shown.pop("best")
    assert shown == {
        "name": "blobs",
        "direction": "maximize",
        "state": "finished",
        "budget": {"trials": 3},
        "counts": {"running": 0, "complete": 3, "pruned": 0, "fail": 0, "waiting": 0},
        "silent": 0,
        "steps": 12,
    }
    assert set(best) == {"number", "value", "params", "device"}
    assert set(best["params"]) == {"rate"}


def test_json_of_all_studies_is_a_list(hpo):
    hpo("create", "second.toml")
    first, second = json.loads(hpo("status", "--json").out)
    assert first == json.loads(hpo("status", "blobs", "--json").out)
    assert (second["name"], second["state"], second["best"]) == ("second", "new", None)
    assert second["budget"] == {"steps": 10, "wall_time": "3600s"}


def test_a_study_is_shown_in_words(hpo):
    said = hpo("status", "blobs")
    best = json.loads(hpo("status", "blobs", "--json").out)["best"]
    assert said.err == ""
    for line in (
        "study   blobs (maximize)",
        "state   finished",
        "budget  trials 3",
        "trials  complete 3",
        f"best    {best['value']:.4f} in trial {best['number']}",
        f"        rate {best['params']['rate']:.4g}",
        f"device  {best['device']['cpu']}, 1 of {best['device']['cores']} cores",
    ):
        assert line in said.out
    assert "steps   12 in " in said.out


def test_a_study_that_still_runs_says_what_it_was_told(hpo, create_study, leases):
    leases(create_study(name="left")).take()
    assert "\nstate   running\n" in hpo("status", "left").out
    hpo("stop", "left")
    assert "\nstate   running, and told to stop\n" in hpo("status", "left").out


def test_a_study_whose_workers_are_all_silent_does_not_run(hpo, create_study, leases, make_stale):
    lease = leases(create_study(name="left")).take()
    said = json.loads(hpo("status", "left", "--json").out)
    assert (said["state"], said["silent"]) == ("running", 0)
    make_stale()
    said = json.loads(hpo("status", "left", "--json").out)
    assert (said["state"], said["silent"], said["counts"]["running"]) == ("interrupted", 1, 1)
    assert "silent  workers of 1 running" in hpo("status", "left").out
    lease.write()  # as a heartbeat does
    assert json.loads(hpo("status", "left", "--json").out)["state"] == "running"


def test_all_studies_are_shown_in_a_table(hpo):
    hpo("create", "second.toml")
    lines = hpo("status").out.splitlines()
    (first,) = [line for line in lines if "blobs" in line]
    (second,) = [line for line in lines if "second" in line]
    assert "finished" in first
    assert "3/3" in first
    assert "new" in second


def test_watching_ends_with_the_study(hpo):
    assert hpo("status", "blobs", "--watch").code == 0
    shown = hpo("status", "blobs", "--watch", "--json").out
    assert shown.count("\n") == 1  # for programs that read line by line
    assert json.loads(shown)["name"] == "blobs"


def test_watching_waits_for_a_database_that_is_away_and_says_so_once(
    hpo, create_study, database, unreachable, monkeypatch
):
    monkeypatch.setattr(import_module("hpo.cli.status"), "EVERY", 0.1)
    create_study(name="away", budget={"trials": 1})

    def outage():
        time.sleep(0.5)
        with unreachable():
            time.sleep(1)
        load_study(database, "away").study.add_trial(create_trial(value=0.5))

    other = Thread(target=outage)
    other.start()
    said = hpo("status", "away", "--watch", "--json")
    other.join()
    assert said.code == 0
    states = [json.loads(line)["state"] for line in said.out.splitlines()]
    assert (states[0], states[-1]) == ("new", "finished")
    assert said.err.count("; waiting for it") == said.err.count("\n") == 1


def test_creating_again_with_another_budget_goes_on(hpo, tmp_path):
    write_definition(tmp_path, budget={"trials": 5})
    hpo("create", "blobs.toml")
    assert json.loads(hpo("status", "blobs", "--json").out)["state"] == "interrupted"
    hpo("worker", "blobs")
    assert json.loads(hpo("status", "blobs", "--json").out)["counts"]["complete"] == 5


@pytest.mark.slow
def test_check_says_what_is_fine_and_what_is_not(hpo, rows):
    said = hpo("check")
    assert (said.code, said.err) == (0, "")
    parts = [line.split()[:2] for line in said.out.splitlines()]
    names = ("versions", "device", "artifacts", "database", "data")
    assert parts == [["ok", name] for name in names]
    assert "1 studies" in said.out
    rows.unlink()
    said = hpo("check")
    assert said.code == 1
    assert said.err == "hpo: some parts are bad, see above\n"
    assert "BAD  data" in said.out
    assert f"{rows}: is missing" in said.out


def test_a_budget_of_time_is_shown_as_people_write_it(hpo, create_study):
    create_study(budget={"wall_time": "2h"})
    assert "budget  wall_time 2h 0m\n" in hpo("status", "blobs").out


def test_check_tries_whether_files_of_trials_can_be_kept(hpo, monkeypatch):
    monkeypatch.setenv("HPO_ARTIFACTS", "/proc/nowhere")
    said = hpo("check")
    assert said.code == 1
    assert "BAD  artifacts /proc/nowhere: " in said.out


def test_a_failed_trial_can_not_be_exported(hpo, create_study):
    create_study(name="failed").study.add_trial(create_trial(state=TrialState.FAIL))
    said = hpo("export", "failed", "--trial", 0)
    assert said.code == 2
    assert 'trial 0 of the study "failed" is fail' in said.err
