"""One measurement: so many workers of one contender on one study, for some seconds."""

import gc
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from contenders import CONTENDERS, Work
from counters import Counters, connections
from meter import METER, Notes
from result import Result, Spell
from seeding import STEPS
from server import Server, connected

SETTLING = 2.0  # seconds before it counts
LOOK = 0.1  # seconds
STARTING = 120  # seconds, at the most
FORK = get_context("fork")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is measured."""

    contender: str
    workers: int
    finished: int = 1000
    running: int = 0  # beside those of the workers
    pruner: str = "none"


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long it is measured, after it has settled."""

    least: float = 6.0  # seconds
    most: float = 30.0  # seconds
    trials: int = 40  # that are to end, unless that takes too long

    def is_enough(self, seconds: float, trials: int) -> bool:
        """Whether so much has been seen."""
        return seconds >= self.most or (seconds >= self.least and trials >= self.trials)


class Board:
    """What the processes of a cell share."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.ready = FORK.Barrier(workers + 1)
        self._told = FORK.RawArray("L", workers)
        self._over = FORK.RawValue("b", 0)

    def told(self, place: int) -> None:
        """Count a trial of one worker."""
        self._told[place] += 1

    @property
    def trials(self) -> int:
        """How many trials have ended."""
        return sum(self._told)

    def is_over(self) -> bool:
        """Whether workers are to stop."""
        return bool(self._over.value)

    def end(self) -> None:
        """Tell them to stop."""
        self._over.value = 1


def measure(cell: Cell, server: Server, database: str, patience: Patience) -> Result:
    """Measure a cell on a copy of a database."""
    with server.copied(database) as url, CONTENDERS[cell.contender](url, cell.pruner) as work:
        gc.freeze()  # a collection would copy what the processes share
        board = Board(cell.workers)
        with ProcessPoolExecutor(cell.workers, FORK, _inherit, (work, board)) as pool:
            working = [pool.submit(_work, place) for place in range(cell.workers)]
            try:
                board.ready.wait(STARTING)
                spell = _watch(server, str(url.database), board, patience)
            finally:
                board.end()
            notes = [one.result() for one in working]
        gc.unfreeze()
    return Result(spell=spell, notes=notes)


def _watch(server: Server, database: str, board: Board, patience: Patience) -> Spell:
    """Let the workers settle, then look at them until enough was seen."""
    with connected(server.main) as connection:
        time.sleep(SETTLING)
        opened, before, told = time.monotonic(), Counters.read(connection, database), board.trials
        most, seconds = 0, 0.0
        while not patience.is_enough(seconds, board.trials - told):
            time.sleep(LOOK)
            most = max(most, connections(connection, database))
            seconds = time.monotonic() - opened
        added = Counters.read(connection, database) - before
        return Spell(opened=opened, seconds=seconds, counters=added, connections=most)


_inherited: list[Any] = []  # by the processes of a cell: what can't be sent to them


def _inherit(work: Work, board: Board) -> None:
    _inherited[:] = work, board


def _work(place: int) -> Notes:
    """Work as one of the workers, the first time not from the first step: nobody is in step."""
    work, board = _inherited
    board.ready.wait(STARTING)
    first = 1 + place * STEPS // board.workers
    METER.begin(first, lambda: board.told(place), board.is_over)
    work()
    return METER.notes
