"""`hpo worker` with processes of its own: on GPUs, on cores, killed, told to stop."""

import os
import signal
import time
from collections import Counter

import pytest
from blobs import write_definition
from shell import end, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TRIALS = 12
PINNED = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "TF_FORCE_GPU_ALLOW_GROWTH")


@pytest.fixture
def created(shell, nvidia_smi):
    """A stored study, whose model writes down what its process was given."""
    nvidia_smi()
    (shell.folder / "seeing.py").write_text(
        "from centroid import STEPWISE\n"
        "from dataclasses import replace\n"
        "MODEL = replace(STEPWISE, training='sees')\n"
    )
    (shell.folder / "sees.py").write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from centroid.stepwise import fit as fit_steps, predict, save\n"
        "def fit(*arguments):\n"
        f"    seen = [os.environ.get(name, '-') for name in {PINNED}]\n"
        "    Path(f'seen-{os.getpid()}').write_text(' '.join(seen))\n"
        "    return fit_steps(*arguments)\n"
    )
    write_definition(
        shell.folder,
        model="seeing:MODEL",
        fixed={"epochs": 8, "pause": 0.1},
        budget={"trials": TRIALS},
    )
    shell.hpo("create", "blobs.toml")
    return shell


def seen(shell):
    """Return what each process was given that has had a trial."""
    files = [*shell.folder.glob("seen-*")]
    return {int(file.name.partition("-")[2]): file.read_text() for file in files}


def assert_each_trial_once(watch):
    trials = watch.trials()
    assert [trial.number for trial in trials] == [*range(TRIALS)]
    assert {trial.state.name for trial in trials} == {"COMPLETE"}


def test_each_gpu_gets_its_processes_and_a_killed_one_comes_again(created, watch, home_folder):
    supervisor = created.start_hpo("worker", "blobs", "--gpus", "0,GPU-2", "--per-gpu", 2)
    until(lambda: len(seen(created)) == 4)
    given = {gpu: f"{gpu} PCI_BUS_ID true" for gpu in ("0", "GPU-2")}
    assert Counter(seen(created).values()) == dict.fromkeys(given.values(), 2)
    assert {log.name for log in (home_folder / "logs" / "blobs").iterdir()} == {
        *("gpu-0-1.log", "gpu-0-2.log", "gpu-GPU-2-1.log", "gpu-GPU-2-2.log")
    }
    victim = until(watch.owners)[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(created.left()) == 5 and victim not in created.left())  # with its parent
    watch.let_time_pass(victim)
    ended = end(supervisor)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count(": process ") == 5
    assert ended.stderr.count("was killed by SIGKILL, starts again in ") == 1
    assert ended.stderr.count(": has ended\n") == 4
    assert set(seen(created).values()) == {*given.values()}
    assert_each_trial_once(watch)
    assert created.left() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_told_to_stop_it_waits_for_the_current_steps(created, watch, number, code):
    supervisor = created.start_hpo("worker", "blobs", "--workers", 2)
    until(lambda: watch.states().count("running") == 2)
    for pid in created.left():  # as systemd does: all of them, and the supervisor passes it on
        os.kill(pid, number)
    stopped = end(supervisor)
    assert stopped.returncode == code
    assert "finishing the current steps" in stopped.stderr
    assert stopped.stderr.count(": was told to stop\n") == 2
    assert set(watch.states()) <= {"waiting", "complete"}
    assert created.left() == []


def test_told_twice_it_stops_at_once(shell, watch):
    write_definition(shell.folder, fixed={"epochs": 2, "pause": 100.0})
    shell.hpo("create", "blobs.toml")
    supervisor = shell.start_hpo("worker", "--workers", 2)
    until(lambda: watch.states().count("running") == 2)
    supervisor.send_signal(signal.SIGTERM)
    for line in supervisor.stderr:
        if "finishing the current steps" in line:
            break
    assert supervisor.poll() is None
    supervisor.send_signal(signal.SIGTERM)
    told = time.monotonic()
    assert end(supervisor).returncode == 0
    assert time.monotonic() - told < 50  # of a step of 100 s
    assert shell.left() == []


def test_processes_whose_supervisor_was_killed_stop_by_themselves(created, watch):
    supervisor = created.start_hpo("worker", "blobs", "--workers", 2)
    until(lambda: watch.states().count("running") == 2)
    supervisor.kill()
    end(supervisor)
    until(lambda: not created.left(), seconds=30)
    assert watch.states().count("running") == 0


def test_a_machine_without_the_rows_is_not_tried_again(created):
    (created.folder / "blobs.npy").unlink()
    said = created.hpo("worker", "blobs", "--workers", 2, code=2)
    assert said.stderr.count("can't work: hpo: ") == 2
    assert said.stderr.count("blobs.npy: is missing") == 3
    assert "\nhpo: every worker has ended early: " in said.stderr
