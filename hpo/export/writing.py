"""Writing changed code as a person would."""

import ast
from collections.abc import Container

from hpo.export.bindings import name_of


def written(definition: ast.stmt) -> str:
    """Return the source of a definition."""
    text = ast.unparse(ast.fix_missing_locations(_Plain().visit(definition)))
    lines = text.splitlines()
    for statement in ast.walk(ast.parse(text)):
        match statement:
            case (
                ast.Assign(targets=[ast.Tuple()], value=ast.Tuple(elts=[_, _, *_]) as several)
                | ast.Return(value=ast.Tuple(elts=[_, _, *_]) as several)
                | ast.Expr(value=ast.Yield(value=ast.Tuple(elts=[_, _, *_]) as several))
            ):
                _take_out_brackets(lines, several)
    return "\n".join(lines)


def _take_out_brackets(lines: list[str], several: ast.Tuple) -> None:
    """Write `a, b` for `(a, b)`."""
    line = lines[several.lineno - 1].encode()
    begin, end = several.col_offset, several.end_col_offset
    assert end is not None
    if several.lineno == several.end_lineno and line[begin : begin + 1] == b"(":
        lines[several.lineno - 1] = (line[:begin] + line[begin + 1 : end - 1] + line[end:]).decode()


class Unpacked(ast.NodeTransformer):
    """Replaces lists that are unpacked within lists by their items."""

    def __init__(self, lists: Container[str]) -> None:
        self.lists = lists  # functions that give one

    def visit_List(self, node: ast.List) -> ast.AST:
        """Write `[x]` for `[*[x]]`, and `f()` for `[*f()]`."""
        self.generic_visit(node)
        match node.elts:
            case [ast.Starred(ast.Call(ast.Name(name)) as call)] if name in self.lists:
                return call
        lists = [e.value if isinstance(e, ast.Starred) else None for e in node.elts]
        node.elts = [
            item
            for element, inner in zip(node.elts, lists, strict=True)
            for item in (inner.elts if isinstance(inner, ast.List) else [element])
        ]
        return node


class _Plain(ast.NodeTransformer):
    """Simplifies statements to what a person would write."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Write `a, b = x` for `[(a, b)] = [x]`."""
        match node:
            case ast.Assign([ast.List([target])], ast.List([value])):
                return ast.Assign([target], value, lineno=node.lineno)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Write `return x` for `y: T = x` and `return y`, which only a type checker asks for."""
        self.generic_visit(node)
        match node.body:
            case [
                *before,
                ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value),
                ast.Return(value=ast.Name(returned)),
            ] if name == returned and _is_named_twice(name, node):
                node.body = [*before, ast.Return(value)]
        return node


def _is_named_twice(name: str, function: ast.FunctionDef) -> bool:
    return sum(name_of(part) == name for part in ast.walk(function)) == 2
