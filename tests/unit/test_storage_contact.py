"""When a process may say who is dead."""

import pytest

from hpo.errors import DatabaseAway
from hpo.storage import contact as module
from hpo.storage.contact import Contact

GRACE = 60.0


@pytest.fixture
def contact():
    return Contact()


@pytest.fixture
def passes(monkeypatch):
    """Let seconds pass, in which the machine may have been suspended: monotonic() goes on."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "clock_gettime", lambda _clock: now[0])

    def pass_(seconds):
        now[0] += seconds

    return pass_


def test_who_reaches_the_database_at_once_judges_at_once(contact):
    with contact.asking():
        pass
    assert contact.may_judge(GRACE)


def test_who_was_cut_off_when_it_began_waits_a_grace_period(contact, passes):
    with pytest.raises(DatabaseAway), contact.asking():
        raise DatabaseAway("no route")
    passes(5)
    assert not contact.may_judge(GRACE)
    for _ in range(4):
        passes(GRACE / 4 - 1)
        assert not contact.may_judge(GRACE)
    passes(4)
    assert contact.may_judge(GRACE)


def test_one_try_that_failed_makes_nobody_wait_who_has_heard_the_others(contact, passes):
    assert contact.may_judge(GRACE)
    with pytest.raises(DatabaseAway), contact.asking():
        raise DatabaseAway("no route")
    passes(10)
    assert contact.may_judge(GRACE)


def test_who_was_suspended_waits_a_grace_period(contact, passes):
    assert contact.may_judge(GRACE)
    passes(3600)
    assert not contact.may_judge(GRACE)
