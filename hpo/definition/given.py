"""Values that a person gives for a trial: name=value, or a table in a file."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.definition.reading import read_toml
from hpo.errors import DefinitionError


@dataclass(frozen=True)
class Given:
    """The values for one trial, not yet checked against a space."""

    source: str  # named in errors
    values: dict[str, object]


def parse_assignments(texts: Sequence[str], source: str) -> Given:
    """Parse texts of the form name=value, the value as in TOML or a text without quotes.

    Raises:
        DefinitionError: one of them has another form, or a name is given twice.
    """
    values: dict[str, object] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise DefinitionError(source, "", f'"{text}" is not a value; write name=value')
        if name in values:
            raise DefinitionError(source, text, f"{name} is given twice")
        values[name] = _value(value)
    return Given(source, values)


def _value(text: str) -> object:
    try:
        content = tomllib.loads(f"value = {text}")
    except ValueError:  # not TOML, or an integer of too many digits for Python
        return text
    return content["value"] if len(content) == 1 else text


def load_trials(path: Path) -> list[Given]:
    """Read a TOML file with a table [[trials]] for each trial.

    Raises:
        DefinitionError: the file can't be read, or contains anything else.
    """
    content = read_toml(path)
    tables = content.pop("trials", None)
    for key in content:
        raise DefinitionError(str(path), "", f'unknown key "{key}"; allowed here: trials')
    if not isinstance(tables, list) or not tables:
        raise DefinitionError(str(path), "trials", "is missing; write a table [[trials]] for each")
    for number, table in enumerate(tables, 1):
        if not (isinstance(table, dict) and table):
            raise DefinitionError(_place(path, number), "", "is not a table of values")
    return [Given(_place(path, number), table) for number, table in enumerate(tables, 1)]


def _place(path: Path, number: int) -> str:
    return f"{path}: [[trials]] {number}"
