"""Inlining short functions."""

import ast
import copy

from hpo.export.bindings import (
    COMPREHENSIONS,
    bindings,
    every_argument,
    functions,
    name_of,
    needed,
    read,
    stored,
)
from hpo.export.substitution import Replaced

SHORT = 4  # items: a function that returns a longer list is not inlined
BRIEF = 40  # characters: a return statement up to this is inlined in any number of places


def inlined(nodes: list[ast.stmt], entries: set[str]) -> list[ast.stmt]:
    """Replace calls of functions that only return an expression by that expression.

    A function must be called once, or be so brief that it may be called more often.
    """
    for name in functions(nodes):
        left = needed(nodes, entries)
        function = functions(left).get(name)
        callers = [node for node in left if name in read(node)]
        parts = [part for node in left for part in ast.walk(node)]
        calls = [p for p in parts if isinstance(p, ast.Call) and name_of(p.func) == name]
        only_called = len(calls) == sum(name_of(part) == name for part in parts) > 0
        if (
            function
            and only_called
            and name not in entries
            and all(_is_plain(function, call) for call in calls)
            and all(_means_the_same(function, node) for node in callers)
            and (len(calls) == 1 or _is_brief(function))
        ):
            inlining = _Inlining(function)
            nodes = [inlining.visit(node) for node in nodes]
    return nodes


def _is_plain(function: ast.FunctionDef, call: ast.Call) -> bool:
    """Whether a function only returns a short expression, and the call's arguments are simple."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
    if value is None or call.keywords or function.decorator_list:
        return False
    others = (ast.Lambda, *COMPREHENSIONS, ast.Yield, ast.YieldFrom)
    return (
        not any(isinstance(part, others) for part in ast.walk(value))
        and not (isinstance(value, ast.List) and len(value.elts) > SHORT)
        and all(isinstance(given, ast.Name | ast.Constant) for given in call.args)
        and every_argument(function) == function.args.args
        and len(call.args) == len(function.args.args)
    )


def _means_the_same(function: ast.FunctionDef, caller: ast.stmt) -> bool:
    """Whether the function's name and the names that it uses mean the same in the caller."""
    own, parts = bindings(caller), [*ast.walk(function.body[-1])]
    arguments = {argument.arg for argument in function.args.args}
    names = {name_of(part) for part in parts} - arguments
    variables = set(stored(parts))  # they become the caller's
    inner = any(isinstance(part, COMPREHENSIONS) for part in ast.walk(caller))
    return (
        function.name not in own
        and own.keys().isdisjoint(names)
        and variables.isdisjoint(read(caller) | arguments)
        and not (variables and (inner or isinstance(caller, ast.ClassDef)))
    )


def _is_brief(function: ast.FunctionDef) -> bool:
    return len(ast.unparse(function.body[-1])) <= BRIEF


class _Inlining(ast.NodeTransformer):
    """Replaces calls of a function by the expression that it returns."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.function = function

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if name_of(node.func) != self.function.name:
            return node
        names = [argument.arg for argument in self.function.args.args]
        last = copy.deepcopy(self.function.body[-1])
        return Replaced(dict(zip(names, node.args, strict=True))).visit(last).value  # type: ignore[no-any-return]
