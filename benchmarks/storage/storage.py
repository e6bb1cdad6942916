"""Measure hpo's worker loop beside plain `study.optimize` and bare commits, on one Postgres.

python benchmarks/storage/storage.py            # all of it; half an hour
python benchmarks/storage/storage.py headline   # one part
"""

import argparse
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median

from hpo.device import use_one_thread

use_one_thread()

from cell import Cell, Patience, measure  # noqa: E402 - after the threads are set
from contenders import CONTENDERS  # noqa: E402
from optuna.exceptions import ExperimentalWarning  # noqa: E402
from raw import SCRIPTS, ceiling  # noqa: E402
from seeding import seed  # noqa: E402
from server import Server, running  # noqa: E402
from table import head, line, row  # noqa: E402

WORKERS = (1, 8, 32, 64)
FINISHED = (0, 1_000, 10_000)

HEADLINE = [Cell(contender=name, workers=32) for name in CONTENDERS]
REPEATS = 3
GROWTH = [  # of what a step costs
    Cell(contender=name, workers=8, finished=finished, running=running, pruner="median")
    for finished, running in ((0, 0), (1_000, 0), (10_000, 0), (1_000, 64), (1_000, 512))
    for name in ("optimize", "hpo, each step")
]
PARTS = {
    "matrix": [
        Cell(contender=name, workers=workers, finished=finished)
        for finished, name, workers in product(FINISHED, CONTENDERS, WORKERS)
    ],
    "pruners": [
        Cell(contender=name, workers=32, pruner=pruner)
        for pruner, name in product(("asha", "median"), CONTENDERS)
    ],
    "growth": GROWTH,
    "running": [
        Cell(contender=name, workers=8, running=count)
        for count, name in product((0, 64, 512), ("optimize", "hpo, each step"))
    ],
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A server, and the databases that cells begin with."""

    server: Server
    folder: Path
    patience: Patience
    databases: dict[tuple[int, int], str] = field(default_factory=dict)  # by finished and running

    def part(self, name: str) -> Iterator[str]:
        """Measure one part, and give its table row by row."""
        yield f"\n## {name}\n"
        if name == "headline":
            yield from self._headline()
        elif name == "ceiling":
            yield from self._ceiling()
        else:
            yield head()
            for cell in PARTS[name]:
                yield row(cell, measure(cell, self.server, self._database(cell), self.patience))

    def _headline(self) -> Iterator[str]:
        """Measure the cells in turn, so that all see the same weather."""
        yield head()
        paces: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        for cell in HEADLINE * REPEATS:
            result = measure(cell, self.server, self._database(cell), self.patience)
            paces[cell.contender].append(result.pace)
            yield row(cell, result)
        middle = {name: median(found) for name, found in paces.items()}
        for name, pace in middle.items():
            yield f"\n{name}: {pace:.1f} trials/s, {pace / middle['optimize']:.1f} times optimize"

    def _ceiling(self) -> Iterator[str]:
        yield head(("pgbench", *(f"{clients} clients" for clients in WORKERS)))
        database = self._database(Cell(contender="", workers=0))
        for script in SCRIPTS:
            paces = [
                ceiling(self.server, self.folder, database, script, clients) for clients in WORKERS
            ]
            yield line([script, *(f"{pace:,.0f}" for pace in paces)])

    def _database(self, cell: Cell) -> str:
        wanted = cell.finished, cell.running
        if wanted not in self.databases:
            self.databases[wanted] = seed(self.server, self.folder, *wanted)
        return self.databases[wanted]


@contextmanager
def _bench(patience: Patience) -> Iterator[Bench]:
    """Run a server in a folder that its user may enter where root runs this."""
    with tempfile.TemporaryDirectory(prefix="hpo-storage-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        os.environ["HPO_HOME"] = str(folder / "home")  # where workers keep their files
        with running(folder) as server:
            yield Bench(server=server, folder=folder, patience=patience)


def main() -> None:
    """Print the tables of the parts that are asked for."""
    parts = [*PARTS, "headline", "ceiling"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="|".join(parts), default=parts)
    parser.add_argument("--seconds", type=float, default=Patience.least, help="for each cell")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore", ExperimentalWarning)
    with _bench(Patience(least=given.seconds)) as bench:
        for name in given.parts:
            for text in bench.part(name):
                print(text, flush=True)


if __name__ == "__main__":
    main()
