"""Results as rows of tables."""

from collections.abc import Iterable

from cell import Cell
from meter import ASK, REPORT, TELL
from result import Result

HEAD = (
    *("contender", "pruner", "finished", "running", "workers", "trials/s", "statements"),
    *("transactions", "rows read", "written", "visited"),
    *("ask p50, p95", "report p50, p95", "tell p50, p95", "connections"),
)


def head(names: Iterable[str] = HEAD) -> str:
    """Return the head of a table."""
    titles = [*names]
    return f"{line(titles)}\n{line('---' for _ in titles)}"


def line(cells: Iterable[object]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def row(cell: Cell, result: Result) -> str:
    """Return the measurements of a cell; times are in ms, all but the connections per trial."""
    return line(
        [
            *(cell.contender, cell.pruner, f"{cell.finished:,}", cell.running, cell.workers),
            f"{result.pace:.1f}",
            *(f"{result.statements:.0f}", f"{result.transactions:.0f}", f"{result.rows:,.0f}"),
            *(f"{result.written:.0f}", f"{result.visited:,.0f}"),
            *(_times(result, what) for what in (ASK, REPORT, TELL)),
            result.spell.connections,
        ]
    )


def _times(result: Result, what: str) -> str:
    return ", ".join(f"{ms:.2f}" if ms < 1 else f"{ms:,.0f}" for ms in result.latency(what))
