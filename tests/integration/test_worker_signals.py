"""Being told to stop."""

import os
import signal
import subprocess
import sys

import pytest

from hpo.worker.signals import STOP_SIGNALS, Stop, on_stop_signal


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


def test_the_first_signal_of_one_whose_parent_is_gone_is_still_a_request():
    with on_stop_signal(parent=os.getpid()) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.told


def test_waiting_ends_with_being_told():
    stop = Stop()
    stop.request()
    stop.wait(1e6)
