"""From a clone to the same best trial on another database; each test goes on where the last ended.

What `make compose-test` runs; its times are in benchmarks/compose.md.
"""

import json
import re
import time
from pathlib import Path

import pytest
from browser import browser
from project import Project, python, until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
STUDY = "walk"
TRIALS = 9


def test_the_images_are_built(project: Project) -> None:
    project.run("deploy/make-secrets.sh")
    project.compose("build")


def test_three_workers_come_up(project: Project) -> None:
    project.compose("up", "-d", "--scale", "worker=3")
    until(lambda: len(project.containers("worker")) == 3)
    until(lambda: project.status("smoke")["counts"]["complete"])


def test_no_secret_can_be_seen_from_outside(project: Project) -> None:
    passwords = [file.read_text().strip() for file in (project.folder / "secrets").iterdir()]
    assert len(passwords) == 7
    shown = project.run("docker", "history", "--no-trunc", "hpo:compose-test").stdout
    shown += project.compose("config")
    for container in project.compose("ps", "--all", "--quiet").split():
        shown += json.dumps(project.inspect(container))
    assert not [password for password in passwords if password in shown]


def test_containers_have_few_rights(project: Project) -> None:
    for container in project.compose("ps", "--quiet").split():
        found = project.inspect(container)
        host = found["HostConfig"]
        assert found["Config"]["User"] not in {"", "root", "0"}
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["CapAdd"] is None
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["Memory"] > 0
        assert host["NanoCpus"] > 0
        assert host["LogConfig"]["Config"]["max-size"] == "10m"


def test_a_killed_worker_is_started_again(project: Project) -> None:
    owner = until(lambda: project.owners(STUDY))[0]
    started = project.inspect(owner)["State"]["StartedAt"]
    project.kill_worker(owner)
    until(lambda: project.inspect(owner)["State"]["StartedAt"] > started)
    until(lambda: len(project.containers("worker")) == 3)


def test_the_database_is_restarted(project: Project) -> None:
    until(lambda: project.owners(STUDY))
    project.compose("restart", "postgres")
    assert project.status(STUDY)["state"] == "running"


def test_the_study_ends_and_nothing_was_lost(project: Project) -> None:
    until(lambda: project.status(STUDY)["state"] == "finished", seconds=600)
    counts = project.status(STUDY)["counts"]
    assert counts["complete"] + counts["pruned"] == TRIALS
    assert counts["complete"] >= 1
    assert sum(counts.values()) == TRIALS
    lost = "SELECT count(*) FROM trial_system_attributes WHERE key = 'hpo:losses'"
    assert int(project.sql(lost)) >= 1  # the killed worker had one, which went on elsewhere


def test_up_again_changes_nothing(project: Project) -> None:
    before = project.status(STUDY), project.containers("worker")
    project.compose("up", "-d", "--scale", "worker=3")
    assert (project.status(STUDY), project.containers("worker")) == before


def test_workers_leave_in_good_order(project: Project) -> None:
    """Scaled down, two of them end by themselves; their exit codes are in the engine's events."""
    since = int(time.time())
    project.compose("up", "-d", "--scale", "worker=1")
    assert len(project.containers("worker")) == 1
    events = project.run(
        *("docker", "events", "--since", since, "--until", int(time.time()) + 1),
        *("--filter", "event=die", "--format", "{{json .Actor.Attributes}}"),
        *("--filter", f"label=com.docker.compose.project={project.name}"),
    ).stdout
    codes = [json.loads(line)["exitCode"] for line in events.splitlines()]
    assert [code for code in codes if code != "0"] == []
    assert len(codes) >= 2


def test_the_export_verifies_on_this_machine(project: Project, kept: Path) -> None:
    (kept / "train.py").write_text(project.hpo("export", STUDY))
    made = python("-m", "hpo", "data", "make", kept / "digits", cwd=kept)
    assert made.returncode == 0, made.stderr
    arguments = ("train.py", "--data", "digits/train.npy", "--verify", "--out", "out")
    verified = python(*arguments, cwd=kept)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_browser_shows_the_study(project: Project, kept: Path) -> None:
    password = project.secret("dashboard")
    address = project.compose("port", "dashboard", "8080").strip()
    container = project.containers("dashboard")[0]
    until(lambda: project.inspect(container)["State"]["Health"]["Status"] == "healthy")
    best = project.status(STUDY)["best"]
    study_id = project.sql(f"SELECT study_id FROM studies WHERE study_name = '{STUDY}'")
    with browser(("viewer", password)) as context:
        page = context.new_page()
        page.goto(f"http://{address}/dashboard/studies/{study_id}")
        page.get_by_text(STUDY).first.wait_for()
        page.wait_for_selector("#plot-history .point", state="attached")
        page.goto(f"http://{address}/dashboard/studies/{study_id}/trials?numbers={best['number']}")
        picture = page.get_by_role("img", name="learning-curve.png")
        picture.wait_for()
        until(lambda: picture.evaluate("image => image.naturalWidth"))
        page.screenshot(path=kept / "dashboard.png")


def test_a_backup_brings_the_same_best_trial_back(project: Project, kept: Path) -> None:
    before = project.status(STUDY)
    with (kept / "hpo.dump").open("wb") as file:
        project.compose("run", "--rm", "-T", "backup", stdout=file)
    project.compose("down", "--volumes")
    with (kept / "hpo.dump").open("rb") as file:
        project.compose("run", "--rm", "-T", "restore", stdin=file)
    project.compose("up", "-d", "--scale", "worker=3")
    assert project.status(STUDY) == before


def test_down_and_up_keeps_all(project: Project) -> None:
    before = project.status(STUDY)
    project.compose("down")
    project.compose("up", "-d")
    assert project.status(STUDY) == before


def test_a_worker_in_the_middle_of_a_trial_hands_it_back(project: Project) -> None:
    text = (project.folder / "studies" / "walk.toml").read_text()
    (project.folder / "studies" / "more.toml").write_text(re.sub("seed = 1", "seed = 2", text))
    project.hpo("create", "studies/more.toml")
    until(lambda: project.owners("more"))
    container = project.containers("worker")[0]
    project.compose("stop", "worker")
    assert project.inspect(container)["State"]["ExitCode"] == 0
    assert project.owners("more") == []
    waiting = "SELECT count(*) FROM trials WHERE state = 'WAITING'"
    assert int(project.sql(waiting)) >= 1
