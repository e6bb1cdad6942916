"""Being told to stop."""

import os
import signal
import subprocess
import sys

import pytest

from hpo.worker.signals import STOP_SIGNALS, Stop, on_stop_signal


@pytest.fixture(autouse=True)
def nothing_ignored():
    """Heed every stop signal, here and in processes started from here, also under nohup."""
    ignored = [n for n in STOP_SIGNALS if signal.getsignal(n) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_the_first_signal_is_a_request(number):
    with on_stop_signal() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested


def test_a_signal_that_was_ignored_before_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with on_stop_signal() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_handlers_from_before_are_restored():
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    with on_stop_signal():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before
    with pytest.raises(ZeroDivisionError), on_stop_signal():
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before


def test_the_second_signal_ends_the_process_at_once():
    program = """
import os, signal
from hpo.worker.signals import on_stop_signal
with on_stop_signal() as stop:
    os.kill(os.getpid(), signal.SIGTERM)
    print("one", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("two", flush=True)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (130, "one\n")


def test_a_process_whose_parent_is_gone_is_told_to_stop():
    assert not Stop(parent=os.getppid()).requested
    assert Stop(parent=os.getpid()).requested  # no process is its own parent


@pytest.mark.parametrize("parent", ["os.getppid()", "os.getpid()"], ids=["there", "gone"])
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_child_hears_a_signal_as_a_request_and_nothing_more_while_it_leaves(number, parent):
    program = f"""
import os, sys
from hpo.worker.signals import on_stop_signal
with on_stop_signal(parent={parent}) as stop:
    os.kill(os.getpid(), {number})
    os.kill(os.getpid(), {number})
    print(stop.told, flush=True)

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), write=os.write):
        kill(pid, {number})
        write(1, b"left" + bytes([10]))

sys.last = Last()  # ends with the interpreter, after its handlers
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "True\nleft\n"), ended.stderr


def test_waiting_ends_with_being_told():
    stop = Stop()
    stop.request()
    stop.wait(1e6)
