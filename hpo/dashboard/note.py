"""The notes of studies and trials, written on demand, with room for people's own below."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hpo.cost import cost
from hpo.definition import Definition, in_toml
from hpo.errors import InputError
from hpo.storage.keys import DEVICE, EARLIER, ENVIRONMENT, ERROR, FOLDS, RUNS
from hpo.study import StoredStudy, gist, status, trials_of
from hpo.wording import BEST_PARAMS, cost_rows, device_in_words, duration, in_words, status_rows

LINE = "*hpo keeps what is above this line up to date; write below it.*"


def joined(ours: str, theirs: str) -> str:
    """Join hpo's part of a note and the people's part below it."""
    return f"{ours}\n\n{LINE}\n\n{theirs}"


def theirs_of(body: str) -> str:
    """Return the people's part of a note."""
    ours, line, theirs = body.partition(LINE)
    return theirs.lstrip("\n") if line else ours


def study_note(stored: StoredStudy) -> str:
    """Write hpo's note of a study: its state, its result, its cost, and how to export it.

    Raises:
        StudyError: somebody has deleted it.
    """
    now = status(stored)
    rows = {**status_rows(now), **_cost_rows(stored)}
    params = rows.pop(BEST_PARAMS, None)
    shown = {key: _plain(value) for key, value in rows.items()}
    if now.best is not None and params is not None:
        page = f"/dashboard/studies/{stored.study_id}/trials?numbers={now.best.number}"
        shown["best"] = f"[{shown['best']}]({page}): {_plain(params)}"
    return "\n\n".join(
        [
            _listed(shown),
            "Its best trial as a script that stands alone:",
            f"    hpo export {stored.definition.name} -o train.py",
            "Its definition:",
            _indented(definition_toml(stored.definition)),
        ]
    )


def trial_note(attrs: Mapping[str, str]) -> str:
    """Write hpo's note of a trial, from its user attributes as the dashboard has them, in JSON."""
    lines = {TITLES.get(key, key): text for key, text in _noted(attrs).items()}
    lines["error"] = gist(attrs.get(ERROR, ""))
    return _listed({key: _plain(value) for key, value in lines.items() if value})


def unnoted(attrs: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the attributes that are not in a trial's note, where they are easier to read."""
    noted = _noted({attr["key"]: attr["value"] for attr in attrs})
    return [attr for attr in attrs if attr["key"] not in noted]


def _noted(attrs: Mapping[str, str]) -> dict[str, str]:
    """Describe what workers have recorded, by key, without attributes that others wrote."""
    noted = {}
    for key, describe in NOTED.items():
        value = _value(attrs.get(key, "null"))
        with suppress(TypeError, ValueError, AttributeError):  # not written by a worker of hpo
            if value and (text := describe(value)):
                noted[key] = text
    return noted


def _worked(runs: Sequence[tuple[float, float]]) -> str:
    parts = f" in {len(runs)} parts" if len(runs) > 1 else ""
    return duration(timedelta(seconds=sum(end - start for start, end in runs))) + parts


def _folds(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


def _earlier(machines: Sequence[Mapping[str, Any]]) -> str:
    found = (
        f"{device_in_words(one.get(DEVICE))} ({in_words(one.get(ENVIRONMENT, {}))})"
        for one in machines
    )
    return "; ".join(found)


NOTED: Mapping[str, Callable[[Any], str]] = {
    RUNS: _worked,
    DEVICE: device_in_words,
    ENVIRONMENT: in_words,
    EARLIER: _earlier,
    FOLDS: _folds,
}
TITLES = {RUNS: "worked"}  # of lines whose title is not their key


def definition_toml(definition: Definition) -> str:
    """Write a definition as TOML, without keys that have their default."""
    content = definition.model_dump(mode="json", exclude_defaults=True) | {
        "space": definition.space,  # in_toml writes its bounds
        "sampler": definition.sampler.model_dump(),
        "pruner": definition.pruner.model_dump(),
    }
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    top = [f"{key} = {in_toml(value)}" for key, value in content.items() if key not in tables]
    return "\n".join([*top, *(line for key in tables for line in _table(key, tables[key]))])


def _table(name: str, content: Mapping[str, Any]) -> list[str]:
    return ["", f"[{name}]", *(f"{key} = {in_toml(value)}" for key, value in content.items())]


def _cost_rows(stored: StoredStudy) -> dict[str, str]:
    try:
        return cost_rows(cost(stored.definition, trials_of(stored)))
    except InputError as error:  # a model that is not installed on this machine
        return {"cost": f"not known here: {error}"}


def _value(shown: str) -> Any:
    """Parse an attribute; None if it is too long and was cut off."""
    try:
        return json.loads(shown)
    except ValueError:
        return None


def _listed(rows: Mapping[str, str]) -> str:
    return "\n".join(f"- **{key}** {text}" for key, text in rows.items())


def _plain(text: str) -> str:
    """Escape Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|~!" else sign for sign in text)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
