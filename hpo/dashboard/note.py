"""The notes that hpo writes, anew each time that somebody reads them; people write below."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hpo.cost import cost
from hpo.definition import Definition, in_toml
from hpo.errors import InputError
from hpo.storage.keys import DEVICE, ENVIRONMENT, ERROR, FOLDS, RUNS
from hpo.study import StoredStudy, gist, status, trials_of
from hpo.wording import cost_rows, device_in_words, duration, in_words, status_rows

LINE = "*Above this line hpo writes, anew each time; below it is yours.*"


def joined(ours: str, theirs: str) -> str:
    """Put what people have written below what hpo writes."""
    return f"{ours}\n\n{LINE}\n\n{theirs}"


def theirs_of(body: str) -> str:
    """Return what people have written, of a whole note."""
    ours, line, theirs = body.partition(LINE)
    return theirs.lstrip("\n") if line else ours


def study_note(stored: StoredStudy) -> str:
    """Say what a study is, how far it is, what it has found and how to take that out.

    Raises:
        StudyError: somebody has deleted it.
    """
    now = status(stored)
    rows = {**status_rows(now), **_cost_rows(stored)}
    values = rows.pop("", None)  # of the best trial
    shown = {key: _plain(value) for key, value in rows.items()}
    if now.best is not None and values is not None:
        page = f"/dashboard/studies/{stored.study_id}/trials?numbers={now.best.number}"
        shown["best"] = f"[{shown['best']}]({page}): {_plain(values)}"
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
    """Say where a trial ran and for how long, from its user attributes as they are shown."""
    lines = {TITLES.get(key, key): text for key, text in _noted(attrs).items()}
    lines["error"] = gist(attrs.get(ERROR, ""))
    return _listed({key: _plain(value) for key, value in lines.items() if value})


def unnoted(attrs: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Leave out what a trial's note tells: as JSON it is wider than a page."""
    noted = _noted({attr["key"]: attr["value"] for attr in attrs})
    return [attr for attr in attrs if attr["key"] not in noted]


def _noted(attrs: Mapping[str, str]) -> dict[str, str]:
    """Say what workers have recorded, by its key; what others mean by such a key is left out."""
    noted = {}
    for key, say in NOTED.items():
        value = _value(attrs.get(key, "null"))
        with suppress(TypeError, ValueError, AttributeError):  # it is no value of ours
            if value and (text := say(value)):
                noted[key] = text
    return noted


def _worked(runs: Sequence[tuple[float, float]]) -> str:
    parts = f" in {len(runs)} parts" if len(runs) > 1 else ""
    return duration(timedelta(seconds=sum(end - start for start, end in runs))) + parts


def _folds(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


NOTED: Mapping[str, Callable[[Any], str]] = {
    RUNS: _worked,
    DEVICE: device_in_words,
    ENVIRONMENT: in_words,
    FOLDS: _folds,
}
TITLES = {RUNS: "worked"}  # of lines that are not called as their keys


def definition_toml(definition: Definition) -> str:
    """Write a definition as a file holds it, without what is left at its default."""
    content = definition.model_dump(mode="json", exclude_defaults=True) | {
        "space": definition.space,  # its bounds know how they are written
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
    except InputError as error:  # a model of one's own, which this machine need not have
        return {"cost": f"not known here: {error}"}


def _value(shown: str) -> Any:
    """Read an attribute; one that is long was cut off."""
    try:
        return json.loads(shown)
    except ValueError:
        return None


def _listed(rows: Mapping[str, str]) -> str:
    return "\n".join(f"- **{key}** {text}" for key, text in rows.items())


def _plain(text: str) -> str:
    """Let no sign in a text mean anything to Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|~!" else sign for sign in text)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
