"""Processes in slots: started, mourned, started again, ended."""

import logging
import os
import shutil
import signal
import sys
import time
from contextlib import contextmanager

import pytest

from hpo.errors import HpoError, InputError
from hpo.worker import local, restarts
from hpo.worker.local import LocalWorker, LocalWorkers, how_it_ended, local_workers
from hpo.worker.slots import Slot

SLEEP = "import time; print('awake', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def quick(monkeypatch, caplog):
    """No long waits, and all that is said."""
    monkeypatch.setattr(restarts, "FIRST_WAIT", 0.01)
    caplog.set_level(logging.INFO)


@pytest.fixture
def worker_of(tmp_path):
    """Yield a worker whose process is a Python program; none is left at the end."""
    started = []

    def make(program, name="slot", **environment):
        slot = Slot(name=name, environment=environment)
        command = [sys.executable, "-c", program]
        started.append(LocalWorker(slot, command, tmp_path / f"{name}.log"))
        return started[-1]

    yield make
    for worker in started:
        worker.tell(signal.SIGKILL)
    look_until(lambda: not any(worker.poll_for_end() for worker in started))


def look_until(condition, *workers):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        for worker in workers:
            worker.poll()
        time.sleep(0.01)


def look_until_over(*workers):
    look_until(lambda: all(worker.code is not None for worker in workers), *workers)


@pytest.mark.parametrize(("code", "words"), [(0, "has ended"), (130, "was told to stop")])
def test_a_process_that_meant_to_end_is_not_started_again(worker_of, caplog, code, words):
    worker = worker_of(f"raise SystemExit({code})")
    look_until_over(worker)
    assert (worker.code, worker.crashes) == (code, 0)
    assert not worker.poll()
    assert caplog.messages[1:] == [f"slot: {words}"]


def test_bad_input_is_not_tried_again(worker_of, caplog):
    worker = worker_of("print('hpo: no such study'); raise SystemExit(2)")
    look_until_over(worker)
    assert caplog.messages[1:] == ["slot: can't work: hpo: no such study"]
    early_end = LocalWorkers([worker]).early_end()
    assert isinstance(early_end, InputError)
    assert str(early_end) == (
        f"every worker has ended early: hpo: no such study (log: {worker.log})"
    )


def test_a_killed_process_is_started_again(worker_of, caplog):
    worker = worker_of(SLEEP)
    assert worker.poll()
    look_until(lambda: "awake" in worker.log.read_text(), worker)
    victim = worker.process.pid
    os.kill(victim, signal.SIGKILL)
    look_until(lambda: worker.process and worker.process.pid != victim, worker)
    crash = caplog.messages[1]
    assert crash.startswith("slot: was killed by SIGKILL, starts again in 0 s: awake (log: ")
    assert worker.poll()


def test_a_slot_whose_process_crashes_again_and_again_is_given_up(worker_of, caplog):
    worker = worker_of("raise ValueError('no luck')")
    look_until_over(worker)
    assert (worker.code, worker.crashes) == (1, restarts.MOST_CRASHES)
    assert worker.log.read_text().count("ValueError: no luck") == restarts.MOST_CRASHES
    assert caplog.messages[-1] == (
        f"slot: failed with code 1, gave up after 6 crashes: ValueError: no luck "
        f"(log: {worker.log})"
    )
    early_end = LocalWorkers([worker]).early_end()
    assert type(early_end) is HpoError
    assert "ValueError: no luck" in str(early_end)


def test_one_that_ran_well_is_never_given_up(worker_of, monkeypatch):
    monkeypatch.setattr(restarts, "WELL", 0.0)
    worker = worker_of("raise ValueError")
    look_until(lambda: worker.log.exists() and worker.log.read_text().count("Error") > 8, worker)
    assert worker.crashes == 1


def test_last_words_are_those_of_the_last_process(worker_of, caplog):
    worker = worker_of("raise SystemExit(2)")
    worker.log.write_text("words of yesterday\n")
    look_until_over(worker)
    assert caplog.messages[-1] == "slot: can't work: it said nothing"


def test_logs_that_somebody_has_tidied_up_are_missed_and_made_anew(worker_of, caplog):
    worker = worker_of(SLEEP)
    worker.log = worker.log.parent / "logs" / "slot.log"
    assert worker.poll()
    look_until(lambda: "awake" in worker.log.read_text(), worker)
    shutil.rmtree(worker.log.parent)
    os.kill(worker.process.pid, signal.SIGKILL)
    look_until(lambda: worker.log.exists() and "awake" in worker.log.read_text(), worker)
    assert "its log can't be read: No such file or directory" in caplog.messages[1]


def test_a_process_that_can_not_be_started_is_a_crash(worker_of):
    worker = worker_of("")
    worker.command = ["/nowhere/python"]
    look_until_over(worker)
    assert worker.crashes == restarts.MOST_CRASHES
    assert "No such file" in worker.last_words


def test_a_process_has_the_environment_of_its_slot(worker_of):
    program = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"
    workers = [
        worker_of(program, "one", CUDA_VISIBLE_DEVICES="1"),
        worker_of(program, "two", CUDA_VISIBLE_DEVICES="MIG-2"),
    ]
    look_until_over(*workers)
    assert [worker.log.read_text() for worker in workers] == ["1\n", "MIG-2\n"]
    assert LocalWorkers(workers).any_finished


def test_who_waits_to_start_again_does_not_after_the_end(worker_of, monkeypatch):
    monkeypatch.setattr(restarts, "FIRST_WAIT", 60)
    worker = worker_of("raise ValueError")
    look_until(lambda: worker.crashes == 1, worker)
    assert worker.poll()
    LocalWorkers([worker]).end()
    assert worker.starts_at is None


def test_none_is_left_when_the_body_is_over(tmp_path, monkeypatch):
    monkeypatch.setattr(local.sys, "executable", "/bin/sleep")  # `sleep -m` fails at once
    with local_workers(
        "study", [Slot(name="a"), Slot(name="b")], tmp_path / "logs", print
    ) as workers:
        assert workers.poll()
    assert all(worker.process is None for worker in workers.workers)


def interrupt():
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def deaf_workers(tmp_path, monkeypatch):
    """Return two workers that heed no SIGTERM; who is told of an interrupt interrupts again."""
    deaf = tmp_path / "deaf"
    deaf.write_text("#!/bin/sh\ntrap '' TERM\necho deaf\nexec sleep 100\n")
    deaf.chmod(0o755)
    monkeypatch.setattr(local.sys, "executable", str(deaf))
    slots, logs = [Slot(name="a"), Slot(name="b")], tmp_path / "logs"

    @contextmanager
    def started():
        with local_workers("study", slots, logs, interrupt) as workers:
            for worker in workers.workers:
                look_until(lambda worker=worker: "deaf" in worker.log.read_text())
            yield workers

    return started


def test_an_interrupt_at_the_very_answer_to_the_first_one_is_the_second(deaf_workers, caplog):
    def look_while_two_come(workers):
        interrupt()
        interrupt()  # which says nothing new: nobody has been told what it means
        workers.poll()

    with pytest.raises(KeyboardInterrupt), deaf_workers() as workers:
        look_while_two_come(workers)
    assert caplog.text.count("was killed by SIGKILL") == 2


class InterruptingLock:
    """A process's lock: an interrupt comes when somebody has just taken it."""

    def __init__(self, lock):
        self.lock = lock
        self.release = lock.release

    def acquire(self, *arguments):
        taken = self.lock.acquire(*arguments)
        interrupt()
        return taken


@pytest.mark.timeout(30)
def test_an_interrupt_in_the_middle_of_a_look_leaves_no_process(deaf_workers, caplog):
    def look_until_interrupted(workers):
        process = workers.workers[0].process
        process._waitpid_lock = InterruptingLock(process._waitpid_lock)
        while workers.poll():
            pass

    with pytest.raises(KeyboardInterrupt), deaf_workers() as workers:
        look_until_interrupted(workers)
    assert caplog.text.count("was killed by SIGKILL") == 2


def test_how_a_process_ended_is_said_in_words():
    assert how_it_ended(-9) == "was killed by SIGKILL"
    assert how_it_ended(-63) == "was killed by signal 63"
    assert how_it_ended(3) == "failed with code 3"
