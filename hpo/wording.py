"""Wording for people about studies and trials, the same in the terminal and in the dashboard."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from optuna.trial import FrozenTrial

from hpo.cost import Cost
from hpo.definition import Budget
from hpo.search_space import LEVELS
from hpo.storage.keys import DEVICE
from hpo.study import Status, StudyState, Want

YEAR = 365.25 * 24 * 3600  # seconds
BEST_PARAMS = ""  # the title of the row with the best trial's parameters, below the row "best"


def status_rows(status: Status) -> dict[str, str]:
    """Describe a study's state and best result, as titled rows."""
    counts = status.counts
    return {
        "study": f"{status.name} ({status.direction})",
        "state": _state_in_words(status),
        "budget": _budget_in_words(status.budget),
        "trials": in_words({state: number for state, number in counts.items() if number}) or "none",
        **_silent_row(status.silent),
        "steps": f"{status.steps} in {duration(status.worked)}",
        **_best_rows(status.best),
        **({"error": status.error} if status.error else {}),
    }


def _state_in_words(status: Status) -> str:
    """Say where a study is, and what keeps it from going on."""
    if status.control.reason:
        return f"{status.state}: {status.control.reason}"
    if status.state is StudyState.RUNNING and status.control.want is not Want.RUN:
        return f"{status.state}, and told to {status.control.want}"
    return status.state


def _budget_in_words(budget: Budget) -> str:
    limits = budget.model_dump(exclude_none=True)
    if budget.wall_time is not None:
        limits["wall_time"] = duration(budget.wall_time)
    return in_words(limits)


def _silent_row(silent: int) -> dict[str, str]:
    if not silent:
        return {}
    return {"silent": f"workers of {silent} running: another worker will take over their trials"}


def _best_rows(best: FrozenTrial | None) -> dict[str, str]:
    if best is None:
        return {"best": "none yet: no trial has climbed all the way"}
    return {
        "best": f"{best.value:.4f} in trial {best.number}",
        BEST_PARAMS: in_words({name: number(value) for name, value in best.params.items()}),
        **_device_row(best),
    }


def _device_row(best: FrozenTrial) -> dict[str, str]:
    device = device_in_words(best.user_attrs.get(DEVICE))
    return {"device": device} if device else {}  # another program ran it


def device_in_words(device: object) -> str:
    """Describe the device that a trial ran on; empty unless a worker of hpo recorded it."""
    if not (isinstance(device, Mapping) and {"cpu", "threads", "cores"} <= device.keys()):
        return ""
    gpu = f"{device['gpu']} (driver {device.get('driver')}), " if "gpu" in device else ""
    return f"{gpu}{device['cpu']}, {device['threads']} of {device['cores']} cores"


def cost_rows(cost: Cost) -> dict[str, str]:
    """Describe a study's cost and that of its grid, as titled rows."""
    grid = f"{cost.grid:,.0f} {cost.unit} at {cost.grid_points:,} points"
    levels = f"computed; {LEVELS} levels between bounds"
    if cost.spent:
        grid, levels = (
            f"{grid}, {seconds_in_words(cost.grid_seconds)} of worker time",
            f"{levels}, same pace",
        )
    return {
        "cost": f"{cost.spent:.0f} {cost.unit}, {duration(cost.spent_time)} of worker time",
        "grid": f"{grid} ({levels})",
    }


def in_words(values: dict[Any, Any]) -> str:
    """Join names and values in one line."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def number(value: object) -> str:
    """Format a parameter's value as in a definition, but with four digits at most."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def duration(length: timedelta) -> str:
    """Format a duration as 45s, 12m 30s or 3h 5m."""
    return seconds_in_words(length.total_seconds())


def seconds_in_words(seconds: float) -> str:
    """Format seconds likewise, and beyond a year as 1.23e+04 years."""
    if seconds >= YEAR:
        return f"{seconds / YEAR:.3g} years"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    return f"{whole // 3600}h {whole % 3600 // 60}m"
