"""What commands print about studies, trials and data."""

import json
from datetime import timedelta
from typing import Any

import click
from optuna.trial import FrozenTrial
from rich.console import Console
from rich.table import Table

from hpo.cost import Cost
from hpo.data import Summary
from hpo.search_space import LEVELS
from hpo.study import DEVICE, Queued, Status

PIPED_WIDTH = 120

ENDS = ("complete", "pruned", "fail")


def as_json(status: Status) -> dict[str, Any]:
    """Give what `--json` prints of a study."""
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


def show_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2))


def show_studies(statuses: list[Status]) -> None:
    """Print a table of studies."""
    table = Table("study", "state", "trials", "running", "pruned", "failed", "best", "steps")
    for status in statuses:
        counts = status.counts
        ended = sum(counts[state] for state in ENDS)
        table.add_row(
            status.name,
            status.state,
            f"{ended}/{status.budget.trials}" if status.budget.trials else str(ended),
            str(counts["running"]),
            str(counts["pruned"]),
            str(counts["fail"]),
            f"{status.best.value:.4f}" if status.best else "-",
            str(status.steps),
        )
    console = Console()
    console.print(table, width=None if console.is_terminal else PIPED_WIDTH)


def show_queued(one: Queued) -> None:
    """Print a trial that was queued, or was there."""
    values = in_words({name: number(value) for name, value in one.values.items()})
    if one.is_new:
        click.echo(f"queued trial {one.number}: {values}")
    else:
        click.echo(f"trial {one.number} has these values already: {values}", err=True)


def show_study(status: Status) -> None:
    """Print one study."""
    _show_rows(_rows(status))


def _rows(status: Status) -> dict[str, str]:
    counts = status.counts
    return {
        "study": f"{status.name} ({status.direction})",
        "state": f"{status.state}: {status.control.reason}"
        if status.control.reason
        else status.state,
        "budget": in_words(status.budget.model_dump(mode="json", exclude_none=True)),
        "trials": in_words({state: number for state, number in counts.items() if number}) or "none",
        **_silent_row(status.silent),
        "steps": f"{status.steps} in {duration(status.worked)}",
        **_best_rows(status.best),
        **({"error": status.error} if status.error else {}),
    }


def _silent_row(silent: int) -> dict[str, str]:
    if not silent:
        return {}
    return {"silent": f"workers of {silent} running: a living worker takes over what they left"}


def _best_rows(best: FrozenTrial | None) -> dict[str, str]:
    if best is None:
        return {"best": "none yet: no trial has climbed all the way"}
    return {
        "best": f"{best.value:.4f} in trial {best.number}",
        "": in_words({name: number(value) for name, value in best.params.items()}),
        **_device_row(best.user_attrs.get(DEVICE)),
    }


def _device_row(device: dict[str, Any] | None) -> dict[str, str]:
    if device is None:
        return {}  # the trial is older than this row
    gpu = f"{device['gpu']} (driver {device['driver']}), " if "gpu" in device else ""
    cpu = f"{device['cpu']}, {device['threads']} of {device['cores']} cores"
    return {"device": gpu + cpu}


def show_cost(cost: Cost) -> None:
    """Print what a study cost beside its grid."""
    rows = {
        "cost": f"{cost.spent:.0f} {cost.unit}, {duration(cost.spent_time)} of worker time",
        "grid": f"{cost.grid:,.0f} {cost.unit} at {cost.grid_points:,} points, "
        f"{duration(cost.grid_time)} of worker time "
        f"(computed; {LEVELS} levels between bounds, same pace)",
    }
    _show_rows(rows)


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


def in_words(values: dict[Any, Any]) -> str:
    """Give names and values in one line."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def number(value: object) -> str:
    """Give a parameter's value without the digits that nobody reads."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def duration(length: timedelta) -> str:
    """Give a length of time as 45s, 12m 30s or 3h 5m."""
    seconds = round(length.total_seconds())
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60}s"
    return f"{seconds // 3600}h {seconds % 3600 // 60}m"
