"""One study's way through chaos: everything is started, disturbed, and recorded."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import optuna
from dashboard import dashboard
from disturb import Disturber
from fleet import Fleet
from journal import JOURNAL, PAUSE, Journal
from optuna.storages import RDBStorage
from proxy import Proxy
from record import Params, Record, Rerun, Row
from scenario import STUDY, Scenario, Timing
from schedule import Planned, counted
from server import Server, free_port
from study import AWAY, quiet, row, stored, trials
from targets import Targets

HERE = Path(__file__).parent
COMMAND = (sys.executable, "-m", "hpo")
LOOK = 0.05  # seconds
GLANCE = 1.0  # seconds between two looks into the tables


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Whose workers are tried."""

    create: Callable[["Place"], None]
    worker: Callable[["Place"], Sequence[str]]  # its command
    trial_folder: Callable[["Place", int], Path]  # where it keeps what it trains


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a study runs: its files, its database, and how its workers reach it."""

    folder: Path
    definition: Path
    url: str  # of the database, on a way that is never cut
    timing: Timing
    environment: dict[str, str]

    def run(self, *command: str) -> None:
        """Run a command that nothing disturbs."""
        environment = self.environment | {"HPO_DATABASE_URL": self.url}
        subprocess.run(command, cwd=self.folder, env=environment, check=True, stdout=sys.stderr)

    @property
    def home(self) -> Path:
        """Where workers keep their files."""
        return Path(self.environment["HPO_HOME"])

    @property
    def pace(self) -> list[str]:
        """The arguments that say how often hearts beat, and when they have stopped."""
        return [str(self.timing.interval), str(self.timing.grace)]


def _create_hpo(place: Place) -> None:
    place.run(*COMMAND, "init")
    place.run(*COMMAND, "create", str(place.definition))


def _create_plain(place: Place) -> None:
    optuna.create_study(study_name=STUDY, storage=place.url, direction="maximize")


HPO = Contender(
    create=_create_hpo,
    worker=lambda _place: [*COMMAND, "worker", STUDY],
    trial_folder=lambda place, number: place.home / "artifacts" / STUDY / str(number),
)
PLAIN = Contender(
    create=_create_plain,
    worker=lambda place: [
        *(sys.executable, str(HERE / "plain.py"), *place.pace, str(place.definition))
    ],
    trial_folder=lambda place, number: place.home / str(number),
)


@dataclass(frozen=True, kw_only=True)
class Ordeal:
    """What is done to which study."""

    scenario: Scenario
    contender: Contender
    planned: Sequence[Planned]
    timing: Timing = field(default_factory=Timing)
    longest: float = 900.0  # seconds; workers that are left then are killed

    def run(self, folder: Path) -> Record:
        """Let it happen; the folder, which others may enter, keeps the logs."""
        quiet()
        with ExitStack() as stack:
            server = stack.enter_context(_server(folder))
            proxy = stack.enter_context(closing(Proxy(server.port)))
            place = self._place(folder, server, proxy)
            self.contender.create(place)
            storage = stack.enter_context(stored(server.url()))
            address = stack.enter_context(dashboard(storage))
            journal = Journal(folder / "journal")
            fleet = self._fleet(place)
            stack.callback(fleet.end)
            disturber = Disturber(
                fleet=fleet,
                targets=Targets(fleet=fleet, journal=journal),
                server=server,
                proxy=proxy,
                storage=storage,
                dashboard=address,
                timing=self.timing,
                steps_of_trial=self.scenario.steps_of_trial,
                trial_folder=partial(self.contender.trial_folder, place),
            )
            return self._watched(
                _Watch(fleet, journal, storage, self.timing.patience), disturber, place
            )

    def _place(self, folder: Path, server: Server, proxy: Proxy) -> Place:
        usual = {k: v for k, v in os.environ.items() if not k.startswith(("HPO_", "PG"))}
        return Place(
            folder=folder,
            definition=self.scenario.write(folder),
            url=server.url(),
            timing=self.timing,
            environment={
                **usual,
                "HPO_DATABASE_URL": server.url(proxy.port),
                "HPO_HOME": str(folder / "home"),
                "HPO_GRACE": str(self.timing.grace),
                "PYTHONPATH": str(HERE),
                JOURNAL: str(folder / "journal"),
                PAUSE: str(self.timing.step),
            },
        )

    def _fleet(self, place: Place) -> Fleet:
        command = self.contender.worker(place)
        return Fleet(command, self.scenario.workers, place.folder, place.environment)

    def _watched(self, watch: "_Watch", disturber: Disturber, place: Place) -> Record:
        begun = time.monotonic()
        deadline = begun + self.longest
        with ThreadPoolExecutor(max_workers=len(self.planned) or 1) as pool:
            happening = []
            for planned in self.planned:
                if not watch.until(planned.share * self.scenario.steps, deadline):
                    break
                happening.append(pool.submit(disturber.carry_out, planned))
            in_time = watch.until_all_left(deadline)
        for event in happening:
            event.result()
        watch.fleet.end()
        rows = [row(trial) for trial in trials(watch.storage)]
        searched = set(self.scenario.definition["space"])
        return Record(
            budget=self.scenario.budget,
            planned=counted(self.planned),
            grace=self.timing.grace,
            begun=begun,
            ended=time.monotonic(),
            in_time=in_time,
            events=sorted(disturber.events, key=lambda event: event.at),
            processes=watch.fleet.processes,
            lines=watch.journal.lines(),
            rows=rows,
            seen=watch.seen,
            reruns=_reruns(place, [row for row in rows if set(row.params) == searched]),
        )


@dataclass
class _Watch:
    """Looks after the workers, and at what they do."""

    fleet: Fleet
    journal: Journal
    storage: RDBStorage
    patience: float
    seen: dict[int, Params] = field(default_factory=dict)
    next_glance: float = 0.0

    def until(self, steps: float, deadline: float) -> bool:
        """Wait until so many steps are done, or nothing has happened for long; False at the end."""
        waited = time.monotonic() + self.patience
        while time.monotonic() < min(waited, deadline):
            self._look()
            if self.fleet.all_left():
                return False
            if sum(line.what == "end" for line in self.journal.lines()) >= steps:
                return True
        return time.monotonic() < deadline

    def until_all_left(self, deadline: float) -> bool:
        """Wait until all workers have left; False where they have not in time."""
        while time.monotonic() < deadline:
            self._look()
            if self.fleet.all_left():
                return True
        return False

    def _look(self) -> None:
        self.fleet.supervise()
        if time.monotonic() > self.next_glance:
            with suppress(*AWAY):
                for trial in trials(self.storage):
                    self.seen[trial.number] = {**self.seen.get(trial.number, {}), **trial.params}
            self.next_glance = time.monotonic() + GLANCE
        time.sleep(LOOK)


@contextmanager
def _server(folder: Path) -> Iterator[Server]:
    server = Server(folder=folder, port=free_port())
    server.make()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _reruns(place: Place, rows: Sequence[Row]) -> dict[int, Rerun]:
    """Evaluate what all trials tried once more, in a process that nothing disturbs."""
    environment = {k: v for k, v in place.environment.items() if k not in {JOURNAL, PAUSE}}
    done = subprocess.run(
        [sys.executable, str(HERE / "rerun.py"), str(place.definition)],
        cwd=place.folder,
        env=environment,
        input=json.dumps([dict(row.params) for row in rows]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {
        row.number: Rerun(
            seed=found["seed"],
            value=found["value"],
            curve={int(step): value for step, value in found["curve"].items()},
        )
        for row, found in zip(rows, json.loads(done.stdout), strict=True)
    }


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a folder that the server's user may enter where root runs this; it is deleted."""
    with tempfile.TemporaryDirectory(prefix="hpo-chaos-") as name:
        Path(name).chmod(0o711)
        yield Path(name)
