"""Leaving out of a dataclass the fields that a script does not read."""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from hpo.export.arguments import attributes_read
from hpo.export.bindings import every_argument, is_loaded, name_of


@dataclass(frozen=True)
class Trimmed:
    """Definitions, and the fields that the dataclass among them still has."""

    texts: Sequence[str]
    fields: Sequence[str]


def trimmed(texts: Sequence[str], name: str, argument: str) -> Trimmed:
    """Leave the fields out of a dataclass, given by its name, that no definition reads.

    Functions take its instances as the `argument` of that name. All fields stay where instances are
    used otherwise than by their attributes, or the class has more than fields.
    """
    nodes = [ast.parse(text).body[0] for text in texts]
    place, found = next((p, n) for p, n in enumerate(nodes) if getattr(n, "name", None) == name)
    assert isinstance(found, ast.ClassDef)
    fields = {field.target.id: field for field in found.body if _is_field(field)}  # type: ignore[attr-defined]
    others = [node for node in nodes if node is not found]
    read = attributes_read(others, argument)
    if not read or not _has_only_fields(found) or _is_used(name, others):
        return Trimmed(texts, [*fields])
    gone = [field for name, field in fields.items() if name not in read]
    left = [*texts[:place], _without(texts[place], gone), *texts[place + 1 :]]
    return Trimmed(left, [name for name in fields if name in read])


def _is_field(part: ast.stmt) -> bool:
    return isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)


def _has_only_fields(found: ast.ClassDef) -> bool:
    body = found.body[1:] if ast.get_docstring(found) else found.body
    return not (found.bases or found.keywords) and all(map(_is_field, body))


def _is_used(name: str, nodes: Iterable[ast.stmt]) -> bool:
    """Whether definitions use a class other than to annotate."""
    parts = [part for node in nodes for part in ast.walk(node)]
    annotations = chain.from_iterable(map(_annotations, parts))
    annotating = {id(part) for one in annotations for part in ast.walk(one)}
    return any(name_of(p) == name and is_loaded(p) and id(p) not in annotating for p in parts)


def _annotations(part: ast.AST) -> list[ast.expr]:
    found: list[ast.expr | None] = [part.annotation] if isinstance(part, ast.AnnAssign) else []
    if isinstance(part, ast.FunctionDef):
        found = [part.returns, *(argument.annotation for argument in every_argument(part))]
    return [annotation for annotation in found if annotation is not None]


def _without(text: str, fields: Iterable[ast.stmt]) -> str:
    """Return the source of a class without some of its fields and their comments."""
    lines: list[str | None] = [*text.split("\n")]
    for field in fields:
        first = above = field.lineno - 1
        while _is_comment(lines[above - 1]):
            above -= 1
        before = lines[above - 1]
        if before is None or before.strip():  # else the comment is about all below it
            first = above
        last = field.end_lineno or field.lineno
        lines[first:last] = [None] * (last - first)
    return "\n".join(_without_titles([line for line in lines if line is not None]))


def _is_comment(line: str | None) -> bool:
    return line is not None and line.strip().startswith("#")


def _without_titles(lines: Sequence[str]) -> list[str]:
    """Leave out comments that have nothing below them any more."""
    left: list[str] = []
    for line in reversed(lines):
        if not _is_comment(line) or (left and left[-1].strip()):
            left.append(line)
    return left[::-1]
