"""Who may do what in the dashboard, and which passwords are none."""

import base64

import pytest

from hpo.dashboard.access import (
    EDITOR_FILE,
    PASSWORD_FILE,
    TOKEN_FILE,
    Access,
    Role,
    is_loopback,
    required_role,
)
from hpo.errors import InputError

GOOD, BETTER, TOKEN = "correct-horse-7", "battery-staple-8", "stapled-battery-9"


def basic(user, password):
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.fixture
def secret(tmp_path, monkeypatch):
    """Write a secret into a file, and name the file in a variable."""

    def name_file(variable, content):
        path = tmp_path / variable
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        monkeypatch.setenv(variable, str(path))
        return path

    return name_file


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/dashboard",
        "/dashboard/studies/3/trials",
        "/static/bundle.js",
        "/favicon.ico",
        "/csv/3",
        "/api/meta",
        "/api/studies",
        "/api/studies/3",
        "/api/studies/3/param_importances",
        "/artifacts/3/4/6c6f67",
        "/artifacts/3/0f0e-1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_viewer_reads_what_the_dashboard_shows(method, path):
    assert required_role(method, path) is Role.VIEWER


@pytest.mark.parametrize("path", ["/api/studies/3/note", "/api/studies/3/4/note"])
def test_an_editor_writes_notes(path):
    assert required_role("PUT", path) is Role.EDITOR


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/studies"),
        ("DELETE", "/api/studies/3"),
        ("POST", "/api/studies/3/rename"),
        ("POST", "/api/trials/4/tell"),
        ("POST", "/api/trials/4/user-attrs"),
        ("POST", "/api/artifacts/3/4"),
        ("DELETE", "/api/artifacts/3/4/6c6f67"),
        ("POST", "/incompatible-rdb-schema"),
        ("DELETE", "/api/studies/3/note"),
        ("POST", "/api/studies/3/note"),
        ("PUT", "/api/studies/3/note/"),
        ("PUT", "/api/studies/3/preference_feedback_component"),
        ("OPTIONS", "/api/studies"),
        ("POST", "/dashboard"),
        ("get", "/api/studies"),
        ("GET", "/artifacts/3/4/../../secret"),
        ("GET", "/artifacts/3/4/..%2f"),
        ("GET", "/static/../../secret"),
        ("GET", "/api/studies/3/plot/contour"),
        ("GET", "/api/llm/anything"),
        ("GET", "/api/studies\n"),
        ("GET", ""),
    ],
)
def test_everything_else_is_the_admins(method, path):
    assert required_role(method, path) is Role.ADMIN


def test_each_secret_gives_its_role(secret):
    for variable, content in ((PASSWORD_FILE, GOOD), (EDITOR_FILE, BETTER), (TOKEN_FILE, TOKEN)):
        secret(variable, f"{content}\n")
    access = Access.from_environment("0.0.0.0", admin=False)
    assert not access.is_open
    assert access.role_of(basic("viewer", GOOD)) is Role.VIEWER
    assert access.role_of(basic("editor", BETTER)) is Role.EDITOR
    assert access.role_of(f"Bearer {TOKEN}") is Role.VIEWER
    assert access.role_of(f"bearer  {TOKEN}") is Role.VIEWER
    for wrong in (
        basic("viewer", BETTER),
        basic("editor", GOOD),
        basic("admin", BETTER),
        basic("viewer", f"{GOOD}\n"),
        basic("viewer", ""),
        f"Bearer {GOOD}",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        "Basic !!!",
        "\udcff",
        "",
    ):
        assert access.role_of(wrong) is Role.NOBODY


def test_the_admin_is_the_editor_where_the_flag_is_set(secret):
    secret(PASSWORD_FILE, GOOD)
    secret(EDITOR_FILE, BETTER)
    access = Access.from_environment("127.0.0.1", admin=True)
    assert access.role_of(basic("editor", BETTER)) is Role.ADMIN
    assert access.role_of(basic("viewer", GOOD)) is Role.VIEWER


def test_a_missing_password_is_no_password_that_fits(secret):
    secret(TOKEN_FILE, TOKEN)
    access = Access.from_environment("127.0.0.1", admin=False)
    for none in ("None", ""):
        assert access.role_of(basic("viewer", none)) is Role.NOBODY
        assert access.role_of(basic("editor", none)) is Role.NOBODY


def test_without_passwords_this_machine_may_read():
    access = Access.from_environment("127.0.0.1", admin=False)
    assert access.is_open
    assert access.role_of("") is Role.VIEWER


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "db.example", ""])
def test_without_passwords_no_other_machine_is_served(host):
    with pytest.raises(InputError, match="without a password"):
        Access.from_environment(host, admin=False)


def test_an_admin_needs_a_password():
    with pytest.raises(InputError, match="--admin"):
        Access.from_environment("127.0.0.1", admin=True)


def test_an_editor_has_a_password_of_their_own(secret):
    secret(PASSWORD_FILE, GOOD)
    secret(EDITOR_FILE, GOOD)
    with pytest.raises(InputError, match="no viewer knows"):
        Access.from_environment("127.0.0.1", admin=False)


@pytest.mark.parametrize("variable", [PASSWORD_FILE, EDITOR_FILE, TOKEN_FILE])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("password", "everybody knows"),
        ("Password1234", "everybody knows"),
        ("changeme", "everybody knows"),
        ("change-me-please", "everybody knows"),
        ("CHANGE_THIS_PASSWORD", "everybody knows"),
        ("your-password-here", "everybody knows"),
        ("example-password", "everybody knows"),
        ("123456789012", "everybody knows"),
        ("hpo-dashboard-viewer", "everybody knows"),
        ("aK3.aK3.aK3.aK3.", "again and again"),
        ("tr0ub4dor", "shorter than 12"),
        (f"{GOOD}\n{GOOD}", "not one line"),
        (f"{GOOD} \n", "begins or ends with a space"),
        ("x" * 2000, "not one line"),
        (b"\xff\xfe\xfd\xfc", "is not text"),
    ],
)
def test_what_anybody_could_guess_is_refused(secret, variable, content, problem):
    path = secret(variable, content)
    with pytest.raises(InputError, match=problem) as refused:
        Access.from_environment("127.0.0.1", admin=False)
    said = str(refused.value)
    assert said.startswith(f"{variable}: {path}: ")
    assert "\n" not in said


def test_a_refused_token_is_called_one(secret):
    secret(TOKEN_FILE, "tr0ub4dor")
    with pytest.raises(InputError, match="the token is shorter than 12"):
        Access.from_environment("127.0.0.1", admin=False)


def test_a_byte_order_mark_is_no_part_of_a_password(secret):
    secret(PASSWORD_FILE, f"\ufeff{GOOD}\r\n")
    access = Access.from_environment("127.0.0.1", admin=False)
    assert access.role_of(basic("viewer", GOOD)) is Role.VIEWER


def test_a_refused_password_is_not_shown(secret):
    secret(PASSWORD_FILE, "tr0ub4dor")
    with pytest.raises(InputError) as refused:
        Access.from_environment("127.0.0.1", admin=False)
    assert "tr0ub4dor" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(PASSWORD_FILE, str(tmp_path / "none"))
    with pytest.raises(InputError, match="none: No such file or directory"):
        Access.from_environment("127.0.0.1", admin=False)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("localhost.evil.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_what_this_machine_calls_itself(host, expected):
    assert is_loopback(host) is expected
