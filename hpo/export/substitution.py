"""Substituting expressions for names."""

import ast
import copy
from collections.abc import Mapping

from hpo.export.bindings import bindings, name_of


class Replaced(ast.NodeTransformer):
    """Replaces names by expressions."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Replace a name, if it has an expression."""
        return copy.deepcopy(self.values.get(node.id, node))


def single_constants(function: ast.FunctionDef) -> ast.FunctionDef:
    """Replace variables that have one constant value, or drop an empty dictionary of keywords."""
    bound = bindings(function)
    constant = {
        line.targets[0].id: line.value
        for line in function.body
        if isinstance(line, ast.Assign)
        and len(line.targets) == 1
        and isinstance(line.targets[0], ast.Name)
        and bound[line.targets[0].id] == 1
        and (
            isinstance(line.value, ast.Constant)
            or (_is_empty(line.value) and _is_only_spread(line.targets[0].id, function))
        )
    }
    replacing = Replaced(constant)
    function.body = [
        replacing.visit(line)
        for line in function.body
        if not (isinstance(line, ast.Assign) and name_of(line.targets[0]) in constant)
    ]
    return function


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) and not node.keys


def _is_only_spread(name: str, function: ast.FunctionDef) -> bool:
    """Whether a dictionary is only unpacked in calls, so that nothing changes or keeps it."""
    parts = [*ast.walk(function)]
    spread = [part.value for part in parts if isinstance(part, ast.keyword) and not part.arg]
    return [name_of(part) for part in spread].count(name) + 1 == sum(
        name_of(part) == name for part in parts
    )
