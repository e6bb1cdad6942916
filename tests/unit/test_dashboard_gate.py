"""The door of the dashboard: who passes, and with which headers the answers leave."""

import logging

import pytest
from werkzeug.test import Client

from hpo.dashboard.access import Access
from hpo.dashboard.gate import Gate, Health

PAGE = "default-src 'self'; script-src 'self' 'unsafe-eval'"
HTML = {"Content-Type": "text/html", "Access-Control-Allow-Origin": "*"}
VIEWER, EDITOR = ("viewer", "correct-horse-7"), ("editor", "battery-staple-8")
PASSWORDS = Access(viewer=VIEWER[1], editor=EDITOR[1], token="stapled-battery-9")
ADMIN = Access(viewer=VIEWER[1], editor=EDITOR[1], editor_is_admin=True)
NOTE = "/api/studies/1/note"


@pytest.fixture
def reached():
    """What has come through, as methods and paths."""
    return []


@pytest.fixture
def browser(reached):
    def open_gate(access=PASSWORDS, headers=HTML, is_healthy=lambda: True, host="127.0.0.1"):
        def application(environ, start):
            reached.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            start("200 OK", [*headers.items()])
            return [b"<html>"]

        return Client(
            Gate(application=application, access=access, is_healthy=is_healthy, host=host)
        )

    return open_gate


def test_without_a_password_nothing_is_shown(browser, reached):
    for path in ("/", "/dashboard", "/api/studies", "/artifacts/1/2/ff", "/static/bundle.js", "/x"):
        answer = browser().get(path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert browser().get("/dashboard", auth=("viewer", "wrong")).status_code == 401
    assert browser().get("/dashboard", auth=("viewer", "")).status_code == 401
    assert reached == []


def test_a_viewer_reads_and_does_no_more(browser, reached):
    viewer = browser()
    assert viewer.get("/api/studies/1", auth=VIEWER).status_code == 200
    for method, path in (
        ("DELETE", "/api/studies/1"),
        ("POST", "/api/trials/1/tell"),
        ("POST", "/api/studies"),
        ("POST", "/api/artifacts/1/2"),
        ("POST", "/incompatible-rdb-schema"),
        ("PUT", NOTE),
    ):
        answer = viewer.open(path, method=method, auth=VIEWER)
        assert (answer.status_code, answer.json) == (403, {"reason": "a viewer may not do this"})
    assert reached == ["GET /api/studies/1"]


def test_an_editor_writes_notes_and_does_no_more(browser, reached):
    editor = browser()
    assert editor.put(NOTE, auth=EDITOR).status_code == 200
    assert editor.delete("/api/studies/1", auth=EDITOR).status_code == 403
    assert editor.post("/api/trials/1/tell", auth=EDITOR).status_code == 403
    assert reached == [f"PUT {NOTE}"]


def test_an_admin_does_everything(browser, reached):
    admin = browser(ADMIN)
    assert admin.delete("/api/studies/1", auth=EDITOR).status_code == 200
    assert admin.delete("/api/studies/1", auth=VIEWER).status_code == 403
    assert reached == ["DELETE /api/studies/1"]


def test_a_token_is_for_programs(browser):
    headers = {"Authorization": "Bearer stapled-battery-9"}
    assert browser().get("/api/studies", headers=headers).status_code == 200
    assert browser().put(NOTE, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[x"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
    ids=str,
)
def test_no_other_site_writes_in_somebodys_name(browser, headers, code):
    assert browser().put(NOTE, auth=EDITOR, headers=headers).status_code == code


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("evil.example:8080", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost@evil.example", 403),
        ("[", 403),
        ("", 403),
    ],
)
def test_without_passwords_no_other_name_leads_here(browser, host, code):
    answer = browser(Access()).get("/api/studies", headers={"Host": host})
    assert answer.status_code == code


def test_without_passwords_nobody_writes(browser, reached):
    everybody = browser(Access())
    assert everybody.put(NOTE).status_code == 403
    assert everybody.delete("/api/studies/1").status_code == 403
    assert reached == []


def test_pages_keep_their_policy_and_get_ours(browser):
    headers = (
        browser(headers=HTML | {"content-security-policy": PAGE})
        .get("/dashboard", auth=VIEWER)
        .headers
    )
    assert headers.getlist("Content-Security-Policy") == [
        f"{PAGE}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in headers


def test_an_artifact_is_in_a_sandbox(browser):
    for path in ("/artifacts/1/ff", "/artifacts/1/2/0f-0f"):
        headers = (
            browser(headers=HTML | {"Content-Security-Policy": PAGE}).get(path, auth=VIEWER).headers
        )
        (policy,) = headers.getlist("Content-Security-Policy")
        assert policy.startswith("sandbox; default-src 'none'")
        assert "script" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_health_needs_no_password_and_says_little(browser, reached):
    well, ill = browser().get("/healthz"), browser(is_healthy=lambda: False).get("/healthz")
    assert (well.status_code, well.json) == (200, {"database": "ok"})
    assert (ill.status_code, ill.json) == (503, {"database": "away"})
    assert browser().post("/healthz").status_code == 401
    assert reached == []


def test_health_is_looked_for_now_and_then():
    looks = []
    health = Health(lambda: looks.append(1) or True)
    assert all(health() for _ in range(100))
    assert len(looks) == 1


def test_a_refusal_is_logged_in_one_line(browser, caplog):
    caplog.set_level(logging.WARNING)
    somebody = browser()
    somebody.get("/dashboard")  # a browser asks once before it sends what it knows
    here = {"REMOTE_ADDR": "192.0.2.7"}
    somebody.delete("/api/studies/1%0aforged", auth=VIEWER, environ_overrides=here)
    somebody.get("/dashboard", auth=("viewer", "guessed"), environ_overrides=here)
    assert [record.getMessage() for record in caplog.records] == [
        r"192.0.2.7: DELETE '/api/studies/1\nforged': a viewer may not do this",
        "192.0.2.7: GET '/dashboard': a password is needed",
    ]
