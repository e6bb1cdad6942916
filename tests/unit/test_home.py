"""Where hpo keeps what it keeps, by what the environment says and who asks."""

import os
from pathlib import Path

import pytest

from hpo.errors import InputError
from hpo.home import home


@pytest.mark.parametrize(
    ("variables", "root", "expected"),
    [
        ({"HPO_HOME": "/data/hpo"}, False, "/data/hpo"),
        ({"HPO_HOME": "~/hpo"}, False, "/home/ada/hpo"),
        ({"HPO_HOME": ""}, False, "/home/ada/.local/share/hpo"),
        ({"XDG_DATA_HOME": "/xdg"}, False, "/xdg/hpo"),
        ({}, True, "/var/lib/hpo"),
    ],
)
def test_home(monkeypatch, variables, root, expected):
    for name in ("HPO_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/home/ada"} | variables).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr("sys.platform", "linux")
    assert home() == Path(expected)


def test_the_home_of_nobody_is_refused(monkeypatch):
    monkeypatch.setenv("HPO_HOME", "~no-such-user/hpo")
    with pytest.raises(InputError, match=r"home directory.* set HPO_HOME to a folder"):
        home()
