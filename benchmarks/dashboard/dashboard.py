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
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
from sqlalchemy import URL, text

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))

from seeding import STUDY, plain, seed
from server import connected, running

FINISHED, RUNNING = 5_000, 2
POLLS, EVERY = 30, 2.0  # seconds; both dashboards remember trials for 10 seconds
SPREAD = (  # the seeded trials are copies of one
    "UPDATE trial_values SET value = random()",
    "UPDATE trial_intermediate_values SET intermediate_value = random()",
    "UPDATE trial_params SET param_value = random() WHERE param_name = 'width'",
    "UPDATE trial_params SET param_value = 1 + floor(random() * 99) WHERE param_name = 'depth'",
    "UPDATE trial_params SET param_value = 0.0001 + random() * 0.0999 WHERE param_name = 'rate'",
    "UPDATE trial_params SET param_value = floor(random() * 2) WHERE param_name = 'kind'",
    "VACUUM ANALYZE",
)


@dataclass(frozen=True)
class Took:
    """How long something took: for who waits, and of the dashboard's own processor time.

    The second says more where other programs want the processor, too.
    """

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} ({self.cpu:.2f})"


def measure(command: Sequence[str], port: int, trials: int) -> dict[str, object]:
    """Start a dashboard, look at it as a browser does, and end it; give what that took."""
    study = f"http://127.0.0.1:{port}/api/studies/1"
    with started(command) as process:

        def took(call: Callable[[], object], every: float = 0.0) -> Took:
            return timed(process.pid, call, every)

        sizes: list[int] = []
        found: dict[str, object] = {
            "from the command to its first answer": took(lambda: until_it_answers(port)),
            "all trials, for the first time": took(lambda: sizes.append(len(get(study)))),
            "the same again": took(lambda: get(study)),
            "importances": took(lambda: get(f"{study}/param_importances")),
        }
        polls = [took(lambda: get(f"{study}?after={trials - 1}"), EVERY) for _ in range(POLLS)]
        wall, cpu = [one.wall for one in polls], [one.cpu for one in polls]
        return found | {
            "a poll, median": Took(float(np.median(wall)), float(np.median(cpu))),
            "a poll, p95": Took(float(np.quantile(wall, 0.95)), float(np.quantile(cpu, 0.95))),
            "a poll, longest": Took(max(wall), max(cpu)),
            "MB of all trials": f"{sizes[0] / 1e6:.1f}",
            "MiB of memory at most": f"{peak_of(process.pid):.0f}",
        }


@contextmanager
def started(command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command while the body runs."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def timed(pid: int, call: Callable[[], object], every: float) -> Took:
    """Return how long a call takes, and wait until the next one is due."""
    begun, used = time.perf_counter(), cpu_of(pid)
    call()
    took = Took(time.perf_counter() - begun, cpu_of(pid) - used)
    time.sleep(max(0.0, every - took.wall))
    return took


def cpu_of(pid: int) -> float:
    """Return the seconds of processor time that a process has had."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def get(url: str) -> bytes:
    """Fetch a page."""
    with urlopen(url) as answer:
        return bytes(answer.read())


def until_it_answers(port: int) -> None:
    """Ask again and again until somebody listens."""
    while True:
        try:
            get(f"http://127.0.0.1:{port}/api/meta")
        except URLError:
            time.sleep(0.05)
        else:
            return


def peak_of(pid: int) -> float:
    """Return the most memory that a process has had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) / 1024


def commands(url: URL, artifacts: Path) -> dict[str, tuple[Sequence[str], int]]:
    """Return the two commands, and the port of each."""
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
    """Return each trial values of its own."""
    with connected(url) as connection:
        for statement in SPREAD:
            connection.execute(text(statement))


def show(found: dict[str, dict[str, object]]) -> None:
    """Print a table with a column for each dashboard."""
    first = next(iter(found.values()))
    print("| |", *(f"{name} |" for name in found))
    print("| --- |", *("--- |" for _ in found))
    for row in first:
        print(f"| {row} |", *(f"{one[row]} |" for one in found.values()))


if __name__ == "__main__":
    main()
