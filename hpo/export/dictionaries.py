"""Dictionaries in code: constant tables, and keywords of calls."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from keyword import iskeyword

from hpo.export.bindings import COMPREHENSIONS, is_loaded, name_of


def items(table: ast.Dict) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    """Yield keys with their values; a key is None where another dictionary is unpacked."""
    return zip(table.keys, table.values, strict=True)


def tables(nodes: Sequence[ast.stmt]) -> dict[str, ast.Dict]:
    """Return constant dictionaries by name, whose entries can replace look-ups."""
    parts = [part for node in nodes for part in ast.walk(node)]
    only_read = {id(table) for part in parts for table in _only_read(part)}
    changed = {name_of(p) for p in parts if is_loaded(p) and id(p) not in only_read}
    return {
        node.targets[0].id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Dict)
        and node.targets[0].id not in changed
        and all(isinstance(key, ast.Constant) for key in node.value.keys)
        and not any(map(_is_made, node.value.values))
    }


def _only_read(part: ast.AST) -> Iterable[ast.expr]:
    """Return the tables in which an expression looks something up."""
    if isinstance(part, ast.Subscript) and is_loaded(part):
        return [part.value]
    if isinstance(part, ast.Compare) and isinstance(part.ops[-1], ast.In | ast.NotIn):
        return part.comparators[-1:]
    return []


def _is_made(value: ast.expr) -> bool:
    """Whether evaluating it creates a new object each time."""
    made = (ast.Call, ast.List, ast.Dict, ast.Set, *COMPREHENSIONS)
    return any(isinstance(part, made) for part in ast.walk(value))


class Keywords(ast.NodeTransformer):
    """Replaces unpacked dictionaries in calls by keywords."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Write a=1 for **{"a": 1}."""
        self.generic_visit(node)
        keywords: list[ast.keyword] = []
        for keyword in node.keywords:
            if keyword.arg is None and _is_named(keyword.value):
                keywords += [ast.keyword(k.value, v) for k, v in items(keyword.value)]  # type: ignore[union-attr,arg-type]
            else:
                keywords.append(keyword)
        node.keywords = keywords
        return node


def _is_named(value: ast.expr) -> bool:
    """Whether it is a dictionary whose keys can be the names of arguments."""
    return isinstance(value, ast.Dict) and all(
        isinstance(key, ast.Constant)
        and isinstance(key.value, str)
        and key.value.isidentifier()
        and not iskeyword(key.value)
        for key in value.keys
    )
