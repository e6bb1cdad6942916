"""`hpo run` and its workers: interrupted, killed, and gone on with."""

import os
import signal
import time
from collections import Counter

import pytest
from blobs import write_definition, write_rows
from shell import end, until

from hpo.cli.progress import EVERY_LINE
from hpo.storage.database import study_lock
from hpo.storage.keys import LOSSES, OWNER
from hpo.storage.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

EPOCHS = 10
TRIALS = 18
SLOW = {"fixed": {"epochs": EPOCHS, "pause": 0.05}, "budget": {"trials": TRIALS}}
WAIT_FOR_LOCK = (
    "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
    "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
)
RUN = ("run", "blobs.toml", "--workers", 3, "--no-dashboard")


def half_way(watch):
    return lambda: watch.states().count("complete") >= 3


def assert_each_trial_once(trials, epochs=EPOCHS, count=TRIALS):
    """Each trial of the budget has ended once, with all of its steps and values of its own."""
    assert [trial.number for trial in trials] == [*range(count)]
    assert {trial.state.name for trial in trials} == {"COMPLETE"}
    assert all(len(trial.intermediate_values) == epochs for trial in trials)
    assert len({trial.params["rate"] for trial in trials}) == count


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_where_it_stopped(shell, watch, number):
    write_definition(shell.folder, **SLOW)
    run = shell.start_hpo(*RUN)
    until(half_way(watch))
    run.send_signal(number)
    stopped = end(run)
    assert stopped.returncode == 130
    assert "finishing the current steps; Ctrl-C again stops at once" in stopped.stderr
    assert stopped.stderr.endswith("hpo: interrupted\n")
    assert stopped.stdout == ""
    assert shell.left() == []
    states = Counter(watch.states())
    assert states["running"] == 0
    assert 3 <= states["complete"] < TRIALS
    handed_back = {t.number: t.params for t in watch.trials() if t.state.name == "WAITING"}

    finished = shell.hpo(*RUN)
    assert f"trials  complete {TRIALS}" in finished.stdout
    assert_each_trial_once(watch.trials())
    for trial, params in handed_back.items():
        assert params.items() <= watch.trials()[trial].params.items()


def test_ctrl_c_in_a_terminal_leaves_the_embedded_database_whole(embedded_shell, home_folder):
    write_rows(embedded_shell.folder)
    trials = 9
    slow = {"fixed": {"epochs": EPOCHS, "pause": 0.5}, "budget": {"trials": trials}}
    write_definition(embedded_shell.folder, **slow)  # three times as long as from line to line
    run = embedded_shell.start_hpo(*RUN)
    for line in run.stderr:
        if "0 running" not in line and "trials done" in line:
            break
    os.killpg(run.pid, signal.SIGINT)  # a terminal tells the whole group
    assert end(run).returncode == 130
    assert embedded_shell.left() == []
    assert not Postgres(folder=home_folder).answers()
    assert f"trials  complete {trials}" in embedded_shell.hpo(*RUN).stdout


def test_a_second_ctrl_c_stops_at_once(shell, watch):
    write_definition(shell.folder, fixed={"epochs": 2, "pause": 100.0})
    run = shell.start_hpo(*RUN)
    until(lambda: watch.states() == ["running"] * 3)
    run.send_signal(signal.SIGINT)
    time.sleep(1)
    assert run.poll() is None  # it waits for the steps
    run.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert end(run).returncode == 130
    assert time.monotonic() - started < 5
    assert shell.left() == []


def test_workers_whose_run_was_killed_hand_their_trials_back(shell, watch):
    write_definition(shell.folder, **SLOW)
    run = shell.start_hpo(*RUN)
    until(half_way(watch))
    run.kill()
    end(run)
    until(lambda: not shell.left(), seconds=30)
    states = Counter(watch.states())
    assert states["running"] == 0
    assert states["complete"] < TRIALS  # they did not go on without it
    shell.hpo(*RUN)
    assert_each_trial_once(watch.trials())


def test_the_trial_of_a_killed_worker_goes_on_with_another_one(shell, watch):
    write_definition(shell.folder, **SLOW)
    run = shell.start_hpo(*RUN)
    until(half_way(watch))
    victim = until(watch.owners)[0]
    assert victim in shell.left()
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in shell.left())
    if victim in watch.owners():  # else it was between two trials
        watch.let_time_pass(victim)
        assert end(run).returncode == 0
        assert sum(LOSSES in trial.system_attrs for trial in watch.trials()) == 1
    assert_each_trial_once(watch.trials())


def test_a_killed_worker_is_started_again(shell, watch):
    write_definition(shell.folder, fixed={"epochs": EPOCHS, "pause": 0.1})
    run = shell.start_hpo("run", "blobs.toml", "--workers", 1, "--no-dashboard")
    victim = until(watch.owners)[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in shell.left())
    watch.let_time_pass(victim)
    ended = end(run)
    assert ended.returncode == 0
    assert "worker-1: was killed by SIGKILL, starts again in " in ended.stderr
    assert_each_trial_once(watch.trials(), count=3)


def test_a_database_that_is_away_for_a_while_is_waited_for(shell, watch, unreachable):
    write_definition(shell.folder, **SLOW)
    run = shell.start_hpo(*RUN)
    until(half_way(watch))
    with unreachable():
        time.sleep(EVERY_LINE + 2)  # it looks at least once
        assert run.poll() is None
    ended = end(run)
    assert ended.returncode == 0
    assert ended.stderr.count("waiting for it") == 1
    assert "was told to stop" not in ended.stderr
    assert_each_trial_once(watch.trials())


def test_many_workers_share_one_budget_exactly(shell, watch):
    epochs, trials = 2, 20
    write_definition(
        shell.folder, fixed={"epochs": epochs, "pause": 0.1}, budget={"trials": trials}
    )
    shell.hpo("create", "blobs.toml")
    with study_lock(watch.database, "blobs"):  # until all of them are at the gate
        workers = [shell.start_hpo("worker", "blobs") for _ in range(8)]
        until(lambda: watch.count(WAIT_FOR_LOCK) == len(workers))
        assert watch.states() == []
    assert [end(worker).returncode for worker in workers] == [0] * 8
    assert_each_trial_once(watch.trials(), epochs, trials)
    processes = {trial.system_attrs[OWNER].split(":")[1] for trial in watch.trials()}
    assert len(processes) == len(workers)


def test_a_run_that_can_keep_no_files_says_so_and_goes_on(shell):
    write_definition(shell.folder)
    shell.environment["HPO_ARTIFACTS"] = "/proc/nowhere"
    said = shell.hpo(*RUN)
    assert "hpo: /proc/nowhere: No such file or directory: models and" in said.stderr
    assert "trials  complete 3" in said.stdout


def test_a_run_whose_model_fails_says_why(shell):
    write_definition(shell.folder, model="broken:MODEL")
    (shell.folder / "broken.py").write_text(
        "from centroid import STEPWISE\n"
        "from dataclasses import replace\n"
        "MODEL = replace(STEPWISE, training='broken_training')\n"
    )
    (shell.folder / "broken_training.py").write_text(
        "def fit(params, task, X, y, seed, on_step):\n    raise ValueError('no luck')\n"
    )
    said = shell.hpo(*RUN, code=1)
    assert "hpo: no trial has climbed all the way: ValueError: no luck\n" in said.stderr
    assert "trials  fail 3" in said.stdout


def test_a_run_whose_workers_can_not_start_says_why(shell):
    write_definition(shell.folder, model="broken:MODEL")
    (shell.folder / "broken.py").write_text(
        "from centroid import STEPWISE\n"
        "from dataclasses import replace\n"
        "MODEL = replace(STEPWISE, training='half_there')\n"
    )
    (shell.folder / "half_there.py").write_text("import not_there\n")
    said = shell.hpo(*RUN, code=2)
    assert "every worker has ended early: hpo: half_there can't be imported" in said.stderr
