"""Measure `hpo dashboard` beside the plain `optuna-dashboard` command, on one Postgres.

python benchmarks/dashboard/dashboard.py          # 5 000 finished trials of 30 epochs, 2 running
python benchmarks/dashboard/dashboard.py 1000
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
from sqlalchemy import URL, text

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))

from seeding import STUDY, plain, seed
from server import connected, running

FINISHED, RUNNING = 5_000, 2
POLLS, EVERY = 40, 2.0  # seconds; both dashboards remember trials for 10 seconds
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
SPREAD = (  # the seeded trials are copies of one
    "UPDATE trial_values SET value = random()",
    "UPDATE trial_intermediate_values SET intermediate_value = random()",
    "UPDATE trial_params SET param_value = random() WHERE param_name = 'width'",
    "UPDATE trial_params SET param_value = 1 + floor(random() * 99) WHERE param_name = 'depth'",
    "UPDATE trial_params SET param_value = 0.0001 + random() * 0.0999 WHERE param_name = 'rate'",
    "UPDATE trial_params SET param_value = floor(random() * 2) WHERE param_name = 'kind'",
    "VACUUM ANALYZE",
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one dashboard took: seconds, and MB."""

    start: float  # from the command to the first answer
    first: float  # all trials, read for the first time
    again: float  # the same a moment later
    megabytes: float  # of that answer
    poll_median: float
    poll_p95: float
    poll_longest: float
    importances: float
    page: float  # in a new browser, until the history is drawn; the trials have been read
    memory: float  # resident, at its highest


def measure(command: Sequence[str], port: int, trials: int) -> Measured:
    """Start a dashboard, look at it as a browser does, and end it."""
    url = f"http://127.0.0.1:{port}"
    study = f"{url}/api/studies/1"
    with started(command) as process:
        start = timed(lambda: until_it_answers(f"{url}/api/meta"))
        sizes: list[int] = []
        first = timed(lambda: sizes.append(len(get(study))))
        again = timed(lambda: get(study))
        importances = timed(lambda: get(f"{study}/param_importances"))
        polls = [timed(lambda: get(f"{study}?after={trials - 1}"), EVERY) for _ in range(POLLS)]
        return Measured(
            start=start,
            first=first,
            again=again,
            megabytes=sizes[0] / 1e6,
            poll_median=float(np.median(polls)),
            poll_p95=float(np.quantile(polls, 0.95)),
            poll_longest=max(polls),
            importances=importances,
            page=page_of(f"{url}/dashboard/studies/1"),
            memory=peak_of(process.pid),
        )


@contextmanager
def started(command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command while the body runs."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def timed(call: Callable[[], object], every: float = 0.0) -> float:
    """Give how long a call takes, and wait until the next one is due."""
    begun = time.perf_counter()
    call()
    took = time.perf_counter() - begun
    time.sleep(max(0.0, every - took))
    return took


def get(url: str) -> bytes:
    """Fetch a page."""
    with urlopen(url) as answer:
        return bytes(answer.read())


def until_it_answers(url: str) -> None:
    """Ask again and again until somebody listens."""
    while True:
        try:
            get(url)
        except URLError:
            time.sleep(0.05)
        else:
            return


def page_of(url: str) -> float:
    """Give how long a person waits for the history of the study, in a browser that is started."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - a tool of development

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(600_000)

        def look() -> None:
            page.goto(url)
            page.wait_for_selector("#plot-history .trace", state="attached")

        took = timed(look)
        browser.close()
    return took


def peak_of(pid: int) -> float:
    """Give the most memory that a process has had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) / 1024


def commands(url: URL, artifacts: Path) -> dict[str, tuple[Sequence[str], int]]:
    """Give the two commands, and the port of each."""
    ours = [sys.executable, "-m", "hpo", "dashboard", STUDY, "--port", "8181"]
    # A console script, which a virtual environment need not have on its PATH.
    script = "import sys; from optuna_dashboard._cli import main; sys.exit(main())"
    theirs = [sys.executable, "-c", script, plain(url), "--port", "8182", "--quiet"]
    return {
        "optuna-dashboard": ([*theirs, "--artifact-dir", str(artifacts)], 8182),
        "hpo dashboard": (ours, 8181),
    }


def main() -> None:
    """Measure both and print a table."""
    finished = int(sys.argv[1]) if len(sys.argv) > 1 else FINISHED
    with tempfile.TemporaryDirectory(prefix="hpo-dashboard-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the server's user must enter it where root runs this
        (folder / "server").mkdir(mode=0o711)
        os.environ["HPO_HOME"] = str(folder / "home")
        os.environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "storage")
        with running(folder / "server") as server:
            url = server.url(seed(server, folder, finished, RUNNING))
            spread(url)
            os.environ["HPO_DATABASE_URL"] = plain(url)
            each = commands(url, folder / "home/artifacts").items()
            show({name: measure(*command, finished + RUNNING) for name, command in each})


def spread(url: URL) -> None:
    """Give each trial values of its own."""
    with connected(url) as connection:
        for statement in SPREAD:
            connection.execute(text(statement))


def show(found: dict[str, Measured]) -> None:
    """Print a table with a column for each dashboard."""
    print("| |", *(f"{name} |" for name in found))
    print("| --- |", *("--- |" for _ in found))
    for field in fields(Measured):
        print(f"| {field.name} |", *(f"{getattr(one, field.name):.2f} |" for one in found.values()))


if __name__ == "__main__":
    main()
