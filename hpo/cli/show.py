"""Printing studies, trials and data."""

import json
from typing import Any

import click
from optuna.trial import FrozenTrial
from rich.console import Console
from rich.table import Table

from hpo.cost import Cost
from hpo.data import Summary
from hpo.storage.keys import DEVICE
from hpo.study import Queued, Status, Want
from hpo.wording import cost_rows, in_words, number, status_rows

PIPED_WIDTH = 120


def as_json(status: Status) -> dict[str, Any]:
    """Return what `--json` prints of a study."""
    return {
        "name": status.name,
        "direction": status.direction,
        "state": status.state,
        "budget": status.budget.model_dump(mode="json", exclude_none=True),
        "counts": status.counts,
        "silent": status.silent,
        "best": _best_as_json(status.best),
        "steps": status.steps,
    }


def _best_as_json(best: FrozenTrial | None) -> dict[str, Any] | None:
    if best is None:
        return None
    shown = {"number": best.number, "value": best.value, "params": best.params}
    return shown | ({"device": best.user_attrs[DEVICE]} if DEVICE in best.user_attrs else {})


def show_json(value: object, *, in_one_line: bool) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=None if in_one_line else 2))


def show_studies(statuses: list[Status]) -> None:
    """Print a table of studies."""
    table = Table("study", "state", "trials", "running", "pruned", "failed", "best", "steps")
    for status in statuses:
        counts = status.counts
        table.add_row(
            status.name,
            status.state,
            f"{status.ended}/{status.budget.trials}" if status.budget.trials else str(status.ended),
            str(counts["running"]),
            str(counts["pruned"]),
            str(counts["fail"]),
            f"{status.best.value:.4f}" if status.best else "-",
            str(status.steps),
        )
    console = Console()
    console.print(table, width=None if console.is_terminal else PIPED_WIDTH)


def stopped(status: Status) -> str:
    """Describe why a study does not go on, and how to resume it."""
    how = "was cancelled" if status.control.want is Want.CANCEL else "was stopped"
    reason = f": {status.control.reason}" if status.control.reason else ""
    return f"{status.name} {how}{reason}; `hpo resume {status.name}` lets it go on"


def show_queued(one: Queued) -> None:
    """Print a trial that was queued, or was there before."""
    values = in_words({name: number(value) for name, value in one.values.items()})
    if one.is_new:
        click.echo(f"queued trial {one.number}: {values}")
    else:
        click.echo(f"trial {one.number} has these values already: {values}", err=True)


def show_study(status: Status, cost: Cost | None = None) -> None:
    """Print one study, and its cost."""
    _show_rows({**status_rows(status), **(cost_rows(cost) if cost else {})})


def show_summary(summary: Summary) -> None:
    """Print what is in a file of rows."""
    low, high = summary.value_range
    guess = " (a guess)" if summary.guessed else ""
    rows = {
        "file": summary.source,
        "rows": f"{summary.rows:,} of {summary.features} features",
        "shape": f"{'x'.join(map(str, summary.shape))}{guess}" if summary.shape else "no image",
        "range": f"{low:g} to {high:g}",
        "classes": in_words(summary.rows_per_class) or "unlabelled",
        "balance": f"{summary.balance:.2f}" if summary.balance else "-",
        "sha256": summary.fingerprint,
    }
    _show_rows(rows)


def _show_rows(rows: dict[str, str]) -> None:
    width = max(map(len, rows))
    for key, value in rows.items():
        click.echo(f"{key:<{width}}  {value}")
