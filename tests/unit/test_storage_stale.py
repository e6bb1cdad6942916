"""For how long a worker may be silent."""

import pytest

from hpo.errors import InputError
from hpo.storage.stale import grace_period


@pytest.mark.parametrize("given", ["soon", "0", "-5", "1e9", "nan"])
def test_a_grace_period_that_makes_no_sense_is_refused(given, monkeypatch):
    monkeypatch.setenv("HPO_GRACE", given)
    with pytest.raises(InputError, match=f"HPO_GRACE: {given} is not valid: give seconds"):
        grace_period()


def test_a_grace_period_is_a_minute_unless_it_is_chosen(monkeypatch):
    assert grace_period() == 60
    monkeypatch.setenv("HPO_GRACE", "12.5")
    assert grace_period() == 12.5
