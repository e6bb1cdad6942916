"""Pruning functions of branches that a trial never took.

In each function, expressions of known arguments are replaced by their values, and branches that
these rule out are removed.
"""

import ast
import copy
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from hpo.export.bindings import bindings, defined, is_loaded, name_of, own_scope
from hpo.export.dictionaries import Keywords, items, tables
from hpo.export.generators import ENDLESS, FUNCTIONS, Symbol
from hpo.export.known import Known, cases
from hpo.export.substitution import single_constants

SHORT = 4  # items: a longer tuple becomes a named constant


def long_names(known: Known) -> set[str]:
    """Return the names of the constants that hold values too long to stand inline in a script."""
    attributes = (getattr(one, "__dict__", {}) for one in known.values())
    return {name.upper() for of in attributes for name, value in of.items() if _is_long(value)}


def _is_long(value: object) -> bool:
    return isinstance(value, tuple) and len(value) > SHORT


class Pruning:
    """Prunes functions, given known arguments; long values become `constants`."""

    def __init__(self, known: Known, nodes: Sequence[ast.stmt], constants: dict[str, Any]) -> None:
        self.known, self.constants, self.tables = known, constants, tables(nodes)
        self.defined = {name for node in nodes for name in defined(node)}

    def of(self, function: ast.FunctionDef) -> ast.FunctionDef:
        """Return a pruned function, or the function itself if the result would not compile."""
        taken = bindings(function).keys()
        rewriter = _Pruned(self.known, self.tables, self.constants, taken, self.defined)
        new = single_constants(rewriter.visit(copy.deepcopy(function)))
        new = Keywords().visit(_filled(new))
        return new if _holds(new) else function


class _Pruned(ast.NodeTransformer):
    """Replaces known expressions by their values, and drops statements that are never reached."""

    def __init__(
        self,
        known: Known,
        tables: Mapping[str, ast.Dict],
        constants: dict[str, Any],
        taken: Iterable[str],
        defined: Iterable[str],
    ) -> None:
        self.known, self.tables, self.constants = known, tables, constants
        self.taken = frozenset(taken)  # names that the function gives a meaning of its own
        others = self.taken.union(defined)
        self.functions = {name: f for name, f in FUNCTIONS.items() if name not in others}

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and self._asks(node):
            with suppress(Exception):  # it also reads something that is not known
                return self._literal(node, self._value(node))
        return super().visit(node)

    def _asks(self, node: ast.expr) -> bool:
        """Whether an expression reads known arguments, other than to pass them on."""
        parts = [*ast.walk(node)]
        names = [part for part in parts if isinstance(part, ast.Name) and part.id in self.known]
        read = {id(part.value) for part in parts if isinstance(part, ast.Attribute)}
        return (
            bool(names)
            and not isinstance(node, ast.Name)
            and is_loaded(node)
            and not any(isinstance(part, ast.NamedExpr) for part in parts)
            and all(self.known[name.id] is None or id(name) in read for name in names)
        )

    def _value(self, node: ast.expr) -> Any:
        expression = ast.fix_missing_locations(ast.Expression(copy.deepcopy(node)))
        code = compile(expression, "known", "eval")
        scopes = [{"__builtins__": self.functions, **case} for case in cases(self.known)]
        value, *others = [eval(code, scope) for scope in scopes]  # noqa: S307 - code that ran
        if any(repr(other) != repr(value) for other in others):
            raise TypeError("it is not always the same")
        return value

    def _literal(self, node: ast.expr, value: Any) -> ast.expr:
        if not isinstance(value, bool | int | float | str | tuple | Symbol | None):
            raise TypeError(f"{value!r} can't be written down")
        if _is_long(value):
            assert isinstance(node, ast.Attribute)
            name = node.attr.upper()
            if name in self.taken or self.constants.setdefault(name, value) != value:
                raise TypeError(f"{name} is something else")
            return ast.Name(name, ast.Load())
        literal = _expression(repr(value))
        if not self.taken.union(ENDLESS).isdisjoint(map(name_of, ast.walk(literal))):
            raise TypeError(f"{value!r} is something else")
        return literal

    def _body(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        left: list[ast.stmt] = []
        for statement in body:
            new = self.visit(statement)
            left += new if isinstance(new, list) else [new]
            if left and isinstance(left[-1], ast.Return | ast.Raise):
                break
        return left

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        yielding = _yields(node)
        node.body = self._body(node.body)
        if yielding and not _yields(node):  # it must remain a generator
            node.body += ast.parse("yield from ()").body
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self._body(node.body if test.value else node.orelse)
        node.test, node.body, node.orelse = test, self._body(node.body), self._body(node.orelse)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self.visit(node.body if test.value else node.orelse)  # type: ignore[no-any-return]
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Drop operands that can't decide, and those after one that decides."""
        last, ends = node.values[-1], isinstance(node.op, ast.Or)
        left: list[ast.expr] = []
        for value in node.values:
            new = self.visit(value)
            if value is last or not isinstance(new, ast.Constant) or bool(new.value) is ends:
                left.append(new)
            if isinstance(new, ast.Constant) and bool(new.value) is ends:
                break
        return left[0] if len(left) == 1 else ast.BoolOp(node.op, left)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Replace a look-up in a constant table by the entry."""
        self.generic_visit(node)
        table = self.tables.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if table is None or not isinstance(node.slice, ast.Constant):
            return node
        found = {k.value: v for k, v in items(table) if isinstance(k, ast.Constant)}
        entry = found.get(node.slice.value, node)
        names = {name_of(part) for part in (*ast.walk(node), *ast.walk(entry))}
        return copy.deepcopy(entry) if self.taken.isdisjoint(names) else node


def _yields(function: ast.FunctionDef) -> bool:
    return any(isinstance(part, ast.Yield | ast.YieldFrom) for part in own_scope(function))


def _filled(function: ast.FunctionDef) -> ast.FunctionDef:
    """Put `pass` into blocks that have no statement left."""
    for part in ast.walk(function):
        if getattr(part, "body", None) == []:
            part.body = [ast.Pass()]  # type: ignore[attr-defined]
        if isinstance(part, ast.Try | ast.TryStar) and not part.handlers and not part.finalbody:
            part.finalbody = [ast.Pass()]
    return function


def _holds(node: ast.stmt) -> bool:
    """Whether a definition compiles without a warning."""
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("error")
        compile(ast.unparse(ast.fix_missing_locations(node)), "definition", "exec")
        return True
    return False


def _expression(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body
