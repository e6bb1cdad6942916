"""Reading a definition file; whatever is wrong with it is an error of one line."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hpo.definition.schema import Definition
from hpo.errors import DefinitionError


def load_definition(path: Path) -> Definition:
    """Read a definition file; the study's name defaults to that of the file.

    Raises:
        DefinitionError: the file can't be read, or one of its keys is wrong.
    """
    content = read_toml(path)
    return parse({"name": path.stem, **content}, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        DefinitionError: it can't be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DefinitionError(str(path), "", "there is no such file") from None
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(str(path), "", f"is not TOML: {error}") from error
    except OSError as error:
        raise DefinitionError(str(path), "", f"can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DefinitionError(str(path), "", "is not a text file (UTF-8)") from error
    except ValueError as error:  # TOML allows integers of more digits than Python converts
        raise DefinitionError(str(path), "", "holds an integer of too many digits") from error


def parse(content: dict[str, Any], source: str) -> Definition:
    """Check the content of a definition file; source is named in errors.

    Raises:
        DefinitionError: a key is unknown or missing, or its value is not allowed.
    """
    try:
        return Definition.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(_written_path(first, content))
        raise DefinitionError(source, path, _problem(first)) from error


def _written_path(error: ErrorDetails, content: Any) -> Iterator[str]:
    """Yield the keys that lead to an error as in the file, without pydantic's union tags."""
    node, loc = content, error["loc"]
    if loc[:1] in {("sampler",), ("pruner",)}:
        loc = (loc[0], *loc[2:])  # the second part is the name that was chosen
    for part in loc:
        if isinstance(node, dict) and part in node:
            node = node[part]
            yield str(part)
    if error["type"] == "missing" and isinstance(error["loc"][-1], str):
        yield str(error["loc"][-1])


_LACKS = {
    "missing": "is missing",
    "too_short": "is empty; give at least one",
    "union_tag_not_found": "name is missing",
}
_CONTAINERS = {
    "tuple_type": "list",
    "dict_type": "table of keys",
    "model_type": "table of keys",
    "model_attributes_type": "table of keys",
}
_NAME = 'use letters, digits, ".", "_" and "-", of which a letter or digit comes first'
_LISTS: dict[tuple[int | str, ...], str] = {
    ("data", "shape"): "[height, width, channels]",
    ("data", "range"): "[smallest, largest]",
}


def _problem(error: ErrorDetails) -> str:
    match error["type"]:
        case "missing" if error["loc"][:2] in _LISTS:
            return f"{error['input']!r} is not valid: write {_LISTS[error['loc'][:2]]}"
        case "tuple_type" if error["loc"][0] == "space":
            return f"{error['input']!r} is neither a list nor bounds {{ low = 1, high = 10 }}"
        case kind if kind in _LACKS:
            return _LACKS[kind]
        case kind if kind in _CONTAINERS:
            return f"{error['input']!r} is not a {_CONTAINERS[kind]}{_as_table(error)}"
        case "union_tag_invalid":
            return f"the name must be one of {error['ctx']['expected_tags']}"
        case "value_error":
            return error["msg"].removeprefix("Value error, ")
        case _:
            return f"{error['input']!r} is not valid: {_allowed(error)}"


def _as_table(error: ErrorDetails) -> str:
    """Say how to write a sampler or pruner that was given as a name only."""
    is_name = error["loc"] in {("sampler",), ("pruner",)} and isinstance(error["input"], str)
    return f'; write {{ name = "{error["input"]}" }}' if is_name else ""


def _allowed(error: ErrorDetails) -> str:
    if error["type"] == "string_pattern_mismatch":
        return _NAME
    return f"{error['msg'][0].lower()}{error['msg'][1:]}"
