"""A worker for all studies, which get turns by priority and fair share."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hpo.errors import HpoError, InputError, StudyError
from hpo.storage.database import Database
from hpo.storage.retrying import persistently
from hpo.study import Seen, survey
from hpo.worker.loop import Idling, Service
from hpo.worker.mishaps import SickMachine
from hpo.worker.signals import Stop

LEFT_OUT = 300.0  # seconds until a study is tried again that failed here, as for lack of its data

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Turns:
    """Runs one trial at a time, of whichever study is next in line, and looks out for new ones."""

    database: Database
    open_study: Callable[[str], Service]  # raises an InputError if it can't run on this machine
    stop: Stop
    services: dict[str, Service] = field(default_factory=dict)  # by study
    over: dict[str, Seen] = field(default_factory=dict)  # ended studies, as they were seen then
    turn_of: str | None = None  # the study that the log named last
    left_out: dict[str, float] = field(default_factory=dict)  # until when, by time.monotonic()

    def serve(self) -> None:
        """Work until told to stop, and wait where there is nothing to do."""
        idling = Idling(self.stop)
        while not self.stop.requested:
            if self._run_one():
                idling = Idling(self.stop)
                continue
            if not idling.looks:
                log.info("no study wants trials now; waiting for one")
            idling.wait()

    def _run_one(self) -> bool:
        """Run a trial of the first study in line that has one."""
        in_line = persistently(lambda: survey(self.database), self._give_up)
        names = {seen.name for seen in in_line}
        self.services = {name: service for name, service in self.services.items() if name in names}
        return any(self._run(seen) for seen in in_line if self._is_worth_a_look(seen))

    def _is_worth_a_look(self, seen: Seen) -> bool:
        is_over = self.over.get(seen.name) == seen
        return not is_over and time.monotonic() >= self.left_out.get(seen.name, 0.0)

    def _run(self, seen: Seen) -> bool:
        try:
            service = self.services.get(seen.name) or self._open(seen.name)
            self.services[seen.name] = service
            if service.run_next(lambda: self._say_turn(seen.name)):
                return True
            if service.leases.is_over():
                service.leases.sweep()
                self.over[seen.name] = seen
                del self.services[seen.name]
        except StudyError as error:  # somebody has deleted it meanwhile
            log.info("%s", error)
            self.services.pop(seen.name, None)
        except SickMachine as error:  # until somebody fixes it and starts the worker again
            log.error('the study "%s" is left out here: %s', seen.name, error)  # noqa: TRY400 - said
            self.left_out[seen.name] = float("inf")
            self.services.pop(seen.name, None)
        except InputError as error:
            log.warning('the study "%s" is left out here for a while: %s', seen.name, error)
            self.left_out[seen.name] = time.monotonic() + LEFT_OUT
        return False

    def _say_turn(self, name: str) -> None:
        """Log which study the next lines are about, when it is another one than before."""
        if name != self.turn_of:
            log.info('the study "%s" has its turn', name)
        self.turn_of = name

    def _open(self, name: str) -> Service:
        try:
            return persistently(lambda: self.open_study(name), self._give_up)
        except HpoError:
            raise
        except Exception as error:  # others go on, whatever is wrong with this one
            log.exception('the study "%s" can\'t be opened here', name)
            raise InputError(f"{type(error).__name__}: {error}") from error

    def _give_up(self) -> bool:
        return self.stop.requested
