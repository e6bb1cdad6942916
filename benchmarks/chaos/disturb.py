"""Carrying out what was planned: each event takes its time in a thread of its own."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from urllib.error import URLError

from dashboard import fail_trial
from fleet import Fleet
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from proxy import Proxy
from record import Event
from scenario import Timing
from schedule import Kind, Planned
from server import Server
from study import AWAY, trials
from targets import PATIENCE, Targets, Victim


@dataclass(frozen=True, kw_only=True)
class Disturber:
    """What can be done to a study; threads may share one."""

    fleet: Fleet
    targets: Targets
    server: Server
    proxy: Proxy
    storage: RDBStorage  # on a way that is never cut
    dashboard: str  # its address
    timing: Timing
    steps_of_trial: int
    trial_folder: Callable[[int], Path]
    events: list[Event] = field(default_factory=list)
    database: Lock = field(default_factory=Lock)  # one at a time stops or starts it
    network: Lock = field(default_factory=Lock)

    def carry_out(self, planned: Planned) -> None:
        """Let one event happen, and record it."""
        {
            Kind.KILL: self._kill,
            Kind.STOP: self._stop,
            Kind.RESTART: self._restart,
            Kind.CRASH: self._crash,
            Kind.STALL: self._stall,
            Kind.RESET: self._reset,
            Kind.FAIL: self._fail,
            Kind.UNWRITABLE: self._unwritable,
        }[planned.kind](planned)

    def _kill(self, planned: Planned) -> None:
        self._hit(planned, self.fleet.kill, lambda _victim: None)

    def _stop(self, planned: Planned) -> None:
        def wait_and_go_on(victim: Victim) -> None:
            time.sleep(self.timing.stopped)
            self.fleet.go_on(victim.pid)

        self._hit(planned, self.fleet.stop, wait_and_go_on)

    def _hit(
        self, planned: Planned, hit: Callable[[int], bool], then: Callable[[Victim], None]
    ) -> None:
        """Do something to a worker; if it has ended meanwhile, to another one."""
        rng = random.Random(planned.seed)
        while victim := self.targets.choose(planned.aim, rng):
            began = time.monotonic()
            if hit(victim.pid):
                then(victim)
                self._record(planned, began, victim)
                return

    def _restart(self, planned: Planned) -> None:
        self._interrupt(planned, self.server.stop)

    def _crash(self, planned: Planned) -> None:
        self._interrupt(planned, self.server.crash)

    def _interrupt(self, planned: Planned, stop: Callable[[], None]) -> None:
        with self.database:
            began = time.monotonic()
            stop()
            self.server.start()
            self._record(planned, began)

    def _stall(self, planned: Planned) -> None:
        self._cut(planned, self.proxy.stall, self.proxy.flow)

    def _reset(self, planned: Planned) -> None:
        self._cut(planned, self.proxy.refuse, self.proxy.accept)

    def _cut(self, planned: Planned, cut: Callable[[], None], mend: Callable[[], None]) -> None:
        with self.network:
            began = time.monotonic()
            cut()
            time.sleep(self.timing.cut)
            mend()
            self._record(planned, began)

    def _fail(self, planned: Planned) -> None:
        """Fail a running trial in the dashboard."""
        trial = self._with_a_running(planned, lambda t: fail_trial(self.dashboard, t._trial_id))
        if trial is not None:
            self._record(planned, time.monotonic(), trial=trial.number)

    def _unwritable(self, planned: Planned) -> None:
        """Put a file in the place of a trial's folder: that stops root, too."""
        trial = self._with_a_running(planned, lambda _trial: None)
        if trial is None:
            return
        folder = self.trial_folder(trial.number)
        aside = folder.with_name(f"{folder.name}.aside")
        began = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        folder.rename(aside)
        folder.touch()
        time.sleep(self.timing.step * self.steps_of_trial)  # beyond the end of the trial, perhaps
        folder.unlink()
        aside.rename(folder)
        self._record(planned, began, trial=trial.number)

    def _with_a_running(
        self, planned: Planned, do: Callable[[FrozenTrial], None]
    ) -> FrozenTrial | None:
        """Do something with a running trial, as soon as there is one and the database answers."""
        rng = random.Random(planned.seed)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                trial = self._some_running(rng)
                if trial is not None:
                    do(trial)
                    return trial
            except (*AWAY, URLError):  # among them: it has ended meanwhile
                pass
            time.sleep(0.2)
        return None

    def _some_running(self, rng: random.Random) -> FrozenTrial | None:
        running = [t for t in trials(self.storage) if t.state is TrialState.RUNNING and t.params]
        return rng.choice(running) if running else None

    def _record(
        self,
        planned: Planned,
        began: float,
        victim: Victim | None = None,
        trial: int | None = None,
    ) -> None:
        event = Event(
            kind=planned.kind,
            at=began,
            until=time.monotonic(),
            pid=victim.pid if victim else None,
            seed=victim.seed if victim else None,
            trial=trial,
            note=planned.aim.value if victim else "",
        )
        self.events.append(event)
