"""What `hpo dashboard` refuses, in one line."""

import socket

import pytest

from hpo.dashboard.access import EDITOR_FILE, PASSWORD_FILE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], 'there is no study "nobody"; the database has: none yet'),
        (["--host", "0.0.0.0"], "--host 0.0.0.0: without a password"),
        (["--host", "192.0.2.1"], "--host 192.0.2.1: without a password"),
        (["--admin"], f"--admin: it is for the editor: put a password into {EDITOR_FILE}"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(hpo, arguments, said):
    code, out, err = hpo("dashboard", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"hpo: {said}")


def test_a_port_that_another_program_has_is_named(hpo):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = hpo("dashboard", "--port", port)
    said = f"hpo: --port {port}: another program uses it: choose another one\n"
    assert (code, err) == (2, said)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_this_machine_does_not_have_is_named(hpo, tmp_path, monkeypatch, host):
    (tmp_path / "viewer").write_text("correct-horse-7")
    monkeypatch.setenv(PASSWORD_FILE, str(tmp_path / "viewer"))
    code, _, err = hpo("dashboard", "--host", host)
    assert (code, err) == (2, f"hpo: --host {host}: this machine has no such name or address\n")


@pytest.mark.parametrize("password", ["", "changeme", "password", "short"])
def test_a_default_password_is_refused(hpo, tmp_path, monkeypatch, password):
    (tmp_path / "viewer").write_text(password)
    monkeypatch.setenv(PASSWORD_FILE, str(tmp_path / "viewer"))
    code, _, err = hpo("dashboard", "--host", "0.0.0.0")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"hpo: {PASSWORD_FILE}: {tmp_path / 'viewer'}: the password is ")
