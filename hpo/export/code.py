"""Python code as text."""

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from hpo.export.source import Import


def literal(value: Any) -> str:
    """Give the code of a dataclass or a dictionary, an item a line."""
    if is_dataclass(value):
        name, ends = type(value).__name__, "()"
        lines = [_line(f"{f.name}=", getattr(value, f.name)) for f in fields(value)]
    else:
        name, ends = "", "{}"
        lines = [_line(f"{_quoted(key)}: ", item) for key, item in value.items()]
    return f"{name}{ends[0]}\n{''.join(lines)}{ends[1]}"


def _line(key: str, value: object) -> str:
    """Give the line of an item, or a line for each part of a tuple that is too long for one."""
    line = f"    {key}{_quoted(value)},\n"
    if len(line) <= 100 or not isinstance(value, tuple):
        return line
    return f"    {key}(\n" + "".join(f"        {_quoted(part)},\n" for part in value) + "    ),\n"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def joined(blocks: Iterable[str]) -> str:
    """Give blocks of code with two empty lines between them."""
    return "\n\n\n".join(blocks)


def statements(imports: Iterable[Import]) -> str:
    """Give import statements, sorted, with the names of one module in one line."""
    names: dict[str, set[str]] = {}
    plain = set()
    for needed in imports:
        if needed.name is None:
            plain.add(needed.statement)
        else:
            alias = f" as {needed.alias}" if needed.alias else ""
            names.setdefault(needed.module, set()).add(needed.name + alias)
    chosen = (
        f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)
    )
    return "\n".join([*sorted(plain), *chosen])
