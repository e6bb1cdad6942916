"""When a worker process that has crashed starts again."""

from hpo.worker.restarts import LONGEST_WAIT, MOST_CRASHES, WELL, crashes_with, wait_after


def test_crashes_in_quick_succession_are_counted():
    assert crashes_with(0, ran=1.0) == 1
    assert crashes_with(3, ran=WELL - 1) == 4


def test_a_crash_after_a_good_run_is_the_first_again():
    assert crashes_with(MOST_CRASHES - 1, ran=WELL) == 1


def test_waits_double():
    assert [wait_after(crashes, 0.5) for crashes in range(1, 6)] == [1, 2, 4, 8, 16]


def test_waits_differ_by_chance():
    assert (wait_after(3, 0.0), wait_after(3, 0.99)) == (2.0, 4.0 * 1.49)


def test_no_wait_is_endless(monkeypatch):
    monkeypatch.setattr("hpo.worker.restarts.MOST_CRASHES", 99)
    assert wait_after(98, 0.5) == LONGEST_WAIT


def test_too_many_crashes_are_the_last():
    assert wait_after(MOST_CRASHES, 0.5) is None
