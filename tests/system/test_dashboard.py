"""`hpo dashboard` as a process of its own, seen by a real browser."""

import os
import signal
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError, URLError

import pytest
from blobs import write_definition, write_rows
from browser import CHROMIUM, browser
from playwright.sync_api import Error
from shell import Shell, Watch, end, until
from sqlalchemy import make_url

from hpo.artifacts import open_artifacts
from hpo.artifacts.dashboard import listing
from hpo.dashboard.access import EDITOR_FILE, PASSWORD_FILE, TOKEN_FILE
from hpo.dashboard.note import LINE
from hpo.storage.database import open_storage

if TYPE_CHECKING:
    from subprocess import Popen

VIEWER, EDITOR = ("viewer", "correct-horse-7"), ("editor", "battery-staple-8")
TOKEN = "stapled-battery-9"
IMAGES = {"data": {"train": "blobs.npy", "shape": [2, 2, 1]}, "evaluation": {"folds": 2}}
PICTURES = ("learning-curve.png", "confusion-matrix.png", "misclassified.png")
HOSTILE = "<title>harmless</title><h1>file</h1><script>document.title = 'it ran'</script>"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
needs_chromium = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: apt-get install chromium"
)


@pytest.fixture(scope="module")
def studied(fresh_database, template, tmp_path_factory):
    """A shell in which a study of tiny images was run; its database is for cloning."""
    folder = tmp_path_factory.mktemp("studied")
    write_rows(folder)
    write_definition(folder, **IMAGES)
    with fresh_database(template) as url:
        shell = Shell(folder, {"HPO_DATABASE_URL": url, "HPO_ARTIFACTS": str(folder / "files")})
        shell.hpo("run", "blobs.toml", "--workers", 1, "--no-dashboard")
        yield shell


@pytest.fixture(scope="module")
def dashboard(studied, fresh_database):
    """Return a function that shows a copy of the study for the length of a `with`."""

    @contextmanager
    def open_dashboard(*arguments, **environment):
        database = make_url(studied.environment["HPO_DATABASE_URL"]).database
        with fresh_database(database) as url:
            copy = {"HPO_DATABASE_URL": url, "HPO_HOME": str(studied.folder)}
            shell = Shell(studied.folder, studied.environment | copy | environment)
            process = shell.start_hpo("dashboard", "blobs", "--port", 0, *arguments)
            try:
                yield Shown(process, process.stdout.readline().strip(), url)
            finally:
                process.terminate()
                assert end(process).returncode == 0
                assert shell.left() == []

    return open_dashboard


@pytest.fixture(scope="module")
def secrets(studied):
    """The variables that name files with passwords."""
    known = {PASSWORD_FILE: VIEWER[1], EDITOR_FILE: EDITOR[1], TOKEN_FILE: TOKEN}
    for variable, secret in known.items():
        (studied.folder / variable.lower()).write_text(f"{secret}\n")
    return {variable: str(studied.folder / variable.lower()) for variable in known}


@pytest.fixture(scope="module")
def shown(dashboard, secrets):
    """A dashboard that asks for passwords."""
    with dashboard(**secrets) as shown:
        yield shown


@pytest.fixture
def link(shown):
    return shown.link


@pytest.fixture
def watch(shown):
    with open_storage(application_name="watch", url=shown.database) as database:
        yield Watch(database)


class Shown(NamedTuple):
    """A dashboard's process, the link that it prints, and its database."""

    process: "Popen[str]"
    link: str
    database: str


def site(link):
    return link.partition("/dashboard")[0]


def fetch(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


@needs_chromium
def test_a_viewer_sees_the_study_its_history_its_note_and_a_trials_pictures(link):
    assert link.endswith("/dashboard/studies/1")
    with browser(VIEWER) as context:
        page, complaints = context.new_page(), []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else 0)
        page.goto(f"{site(link)}/")
        page.get_by_text("blobs").first.wait_for()
        page.goto(link)
        page.wait_for_selector("#plot-history .point", state="attached")
        assert page.locator("#plot-history .point").count() >= 3
        page.goto(f"{link}/note")
        page.get_by_text("hpo export blobs -o train.py").wait_for()
        page.goto(f"{link}/trials?numbers=0")
        for name in PICTURES:
            picture = page.get_by_role("img", name=name)
            picture.wait_for()
            assert until(lambda: picture.evaluate("image => image.naturalWidth")) > 300  # noqa: B023
        page.set_viewport_size({"width": 1280, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        assert complaints == []


@needs_chromium
@pytest.mark.parametrize("user", [None, ("viewer", "guessed-it-again")])
def test_without_the_password_a_browser_is_shown_nothing(link, user):
    with browser(user) as context:
        page = context.new_page()
        with suppress(Error):  # now and then Chromium has no page for it
            page.goto(link)
        assert "blobs" not in page.title()
        assert page.get_by_text("blobs").count() == 0
        answer = context.request.get(f"{site(link)}/api/studies")
        assert (answer.status, answer.json()) == (401, {"reason": "a password is needed"})


@needs_chromium
def test_a_viewer_deletes_nothing_and_writes_nothing(link, watch):
    send = "([path, method]) => fetch(path, {method, body: '{}'}).then(answer => answer.status)"
    with browser(VIEWER) as context:
        page = context.new_page()
        page.goto(link)
        for method, path in (
            ("DELETE", "/api/studies/1"),
            ("POST", "/api/studies"),
            ("POST", "/api/trials/1/tell"),
            ("PUT", "/api/studies/1/note"),
        ):
            assert page.evaluate(send, [path, method]) == 403
    assert watch.states() == ["complete"] * 3


@needs_chromium
def test_an_editor_writes_below_the_line_and_deletes_nothing(link, watch):
    with browser(EDITOR) as context:
        page = context.new_page()
        page.goto(f"{link}/note")
        page.get_by_text("hpo export blobs").wait_for()
        page.mouse.move(700, 300)
        page.locator("button:has([data-testid=EditIcon])").first.click()
        box = page.locator("textarea").first
        assert LINE in box.input_value()
        box.fill(f"{box.input_value()}Ask *Ada* about fold 2.")
        page.get_by_role("button", name="Save").click()
        until(lambda: note_of(watch) == "Ask *Ada* about fold 2.")
        page.goto(f"{link}/note")
        page.get_by_text("about fold 2.").wait_for()
        page.get_by_text("hpo export blobs").wait_for()
        delete = "fetch('/api/studies/1', {method: 'DELETE'}).then(answer => answer.status)"
        assert page.evaluate(delete) == 403
    assert watch.states() == ["complete"] * 3


def note_of(watch):
    return watch.database.storage.get_study_system_attrs(1).get("dashboard:note_str:0")


@needs_chromium
def test_a_script_in_a_trials_file_does_not_run(link, watch, studied):
    store = open_artifacts(studied.environment["HPO_ARTIFACTS"])
    kept = store.save("blobs", 0, ".html", lambda file: file.write(HOSTILE.encode()))
    watch.database.storage.set_study_system_attr(1, *listing(kept, "page.html"))
    with browser(VIEWER) as context:
        page = context.new_page()
        page.set_content(HOSTILE)
        assert page.title() == "it ran"  # as it would
        page.goto(f"{site(link)}/artifacts/1/{kept.encode().hex()}")
        assert page.get_by_role("heading").inner_text() == "file"
        assert page.title() == "harmless"


@needs_chromium
@pytest.mark.parametrize(
    "path",
    [
        "/artifacts/1/1/../../../../etc/passwd",
        "/artifacts/1/1/..%2f..%2f..%2fetc%2fpasswd",
        f"/artifacts/1/1/{b'../../../etc/passwd'.hex()}",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_out(link, path):
    with browser(VIEWER) as context:
        answer = context.request.get(f"{site(link)}{path}")
        assert answer.status in {403, 404}
        assert "root:" not in answer.text()


def test_programs_have_a_token_and_health_needs_none(link):
    assert fetch(f"{site(link)}/healthz") == 200
    assert fetch(f"{site(link)}/api/studies") == 401
    assert fetch(f"{site(link)}/api/studies", Authorization=f"Bearer {TOKEN}") == 200


def test_without_passwords_it_serves_this_machine_alone(dashboard):
    with dashboard() as shown:
        assert fetch(f"{site(shown.link)}/api/studies") == 200
        assert fetch(f"{site(shown.link)}/api/studies", Host="evil.example") == 403
        elsewhere = site(shown.link).replace("127.0.0.1", "127.0.0.2")  # of this machine, too
        with pytest.raises(URLError, match="refused"):
            fetch(f"{elsewhere}/healthz")


@needs_chromium
def test_an_admin_deletes(dashboard, secrets):
    with dashboard("--admin", **secrets) as shown, browser(EDITOR) as context:
        page = context.new_page()
        page.goto(shown.link)
        delete = "fetch('/api/studies/1', {method: 'DELETE'}).then(answer => answer.status)"
        assert page.evaluate(delete) == 204
        assert context.request.get(f"{site(shown.link)}/api/studies").json() == {
            "study_summaries": []
        }


def test_ctrl_c_ends_it_at_once(dashboard):
    with dashboard() as shown:
        shown.process.send_signal(signal.SIGINT)
        assert shown.process.wait(10) == 0


def test_it_does_not_outlive_its_parent(studied):
    studied.hpo("dashboard", "--port", 0, "--with-parent", os.getpid() + 1, code=130)


def linked(run):
    """Return the link that a run prints."""
    return next(line for line in run.stderr if line.startswith("dashboard: ")).split()[1]


def test_a_run_shows_a_link_that_is_live_and_ends_with_it(shell):
    write_definition(shell.folder, fixed={"epochs": 10, "pause": 0.2}, budget={"trials": 4})
    run = shell.start_hpo("run", "blobs.toml", "--workers", 1)
    link = linked(run)
    assert fetch(f"{site(link)}/api/studies/1") == 200
    assert link.endswith("/dashboard/studies/1")
    ended = end(run)
    assert ended.returncode == 0
    assert "dashboard" not in ended.stderr
    assert shell.left() == []


def test_a_run_that_is_interrupted_ends_its_dashboard(shell):
    write_definition(shell.folder, fixed={"epochs": 100, "pause": 0.2})
    run = shell.start_hpo("run", "blobs.toml", "--workers", 1)
    linked(run)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    assert end(run).returncode == 130
    assert shell.left() == []


def test_a_run_goes_on_without_its_dashboard_and_says_so_once(shell):
    write_definition(shell.folder, fixed={"epochs": 10, "pause": 0.3}, budget={"trials": 4})
    run = shell.start_hpo("run", "blobs.toml", "--workers", 1)
    linked(run)
    (child,) = [pid for pid in shell.left() if "\0dashboard\0" in command_of(pid)]
    os.kill(child, signal.SIGKILL)
    ended = end(run)
    assert ended.returncode == 0
    assert ended.stderr.count("the dashboard has ended, the run goes on") == 1
    assert "trials  complete 4" in ended.stdout


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()
