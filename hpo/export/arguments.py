"""Finding arguments that functions only pass on, and removing them."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hpo.export.bindings import (
    bindings,
    defined,
    every_argument,
    functions,
    is_loaded,
    name_of,
    positional,
)
from hpo.export.known import Known

Signatures = Mapping[str, Sequence[str]]
"""The names of the positional arguments of each function that ships."""


def still_read(nodes: Sequence[ast.stmt], known: Known) -> set[str]:
    """Return the known arguments that a function reads other than to pass them on."""
    signatures = _signatures(nodes)
    parts = [part for function in functions(nodes).values() for part in ast.walk(function)]
    only_passed = {id(given) for part in parts for given in _passed_on(part, signatures)}
    return {
        part.id
        for part in parts
        if isinstance(part, ast.Name) and part.id in known and id(part) not in only_passed
    }


def attributes_read(nodes: Sequence[ast.stmt], argument: str) -> set[str] | None:
    """Return which attributes of an argument are read; None if it is used otherwise, too."""
    signatures = _signatures(nodes)
    parts = [part for node in nodes for part in ast.walk(node)]
    read = [p for p in parts if isinstance(p, ast.Attribute) and name_of(p.value) == argument]
    plain = {id(part.value) for part in read}
    plain |= {id(given) for part in parts for given in _passed_on(part, signatures)}
    uses = [part for part in parts if name_of(part) == argument and is_loaded(part)]
    return {part.attr for part in read} if all(id(use) in plain for use in uses) else None


def left_open(nodes: Sequence[ast.stmt], known: Known) -> set[str]:
    """Return the known arguments whose names have another value somewhere, so they aren't known."""
    shipped = functions(nodes)
    found = {name for node in nodes for name in defined(node) if name in known}
    for node in nodes:
        takes: set[str] = set()
        bound, parts = bindings(node), [*ast.walk(node)]
        if isinstance(node, ast.FunctionDef):
            takes = {argument.arg for argument in every_argument(node)}
            found |= {name for name in known if bound[name] > (1 if name in takes else 0)}
        calls = {id(part.func): part for part in parts if isinstance(part, ast.Call)}
        for part in parts:
            function = shipped.get(name_of(part) or "") if is_loaded(part) else None
            if function is not None:
                own = 1 if function is node else 0
                another = bound[function.name] > own  # the name is bound to something else
                call = None if another else calls.get(id(part))
                found |= _not_passed(function, call, takes, known)
    return found


def _not_passed(
    function: ast.FunctionDef, call: ast.Call | None, takes: Iterable[str], known: Known
) -> set[str]:
    """Return the known arguments of a function that a use of it does not pass on unchanged."""
    taken = {argument.arg for argument in every_argument(function)} & known.keys()
    if call is None or any(isinstance(given, ast.Starred) for given in call.args):
        return taken
    if any(keyword.arg is None for keyword in call.keywords):
        return taken
    places = [argument.arg for argument in positional(function)]
    passed = {
        name
        for given, name in zip(call.args, places, strict=False)
        if name_of(given) == name and name in takes
    }
    given = {*places[: len(call.args)], *(keyword.arg for keyword in call.keywords)}
    left_out = {
        argument.arg
        for argument, default in _defaults(function)
        if isinstance(default, ast.Constant) and default.value is None
    }
    return {
        name
        for name in taken - passed
        if name in given or name not in left_out or known[name] is not None
    }


def without(nodes: Iterable[ast.stmt], names: Iterable[str]) -> list[ast.stmt]:
    """Return the definitions without these arguments, in signatures and in calls."""
    passing = _Passing(names, _signatures(nodes))
    for function in functions(nodes).values():
        defaults = dict(_defaults(function))
        every = function.args
        every.posonlyargs = [a for a in every.posonlyargs if a.arg not in passing.names]
        every.args = [a for a in every.args if a.arg not in passing.names]
        every.defaults = [d for a in positional(function) if (d := defaults.get(a)) is not None]
    return [passing.visit(node) for node in nodes]


class _Passing(ast.NodeTransformer):
    """Removes arguments from calls."""

    def __init__(self, names: Iterable[str], signatures: Signatures) -> None:
        self.names, self.signatures = set(names), signatures

    def visit_Call(self, node: ast.Call) -> ast.AST:
        gone = [g for g in _passed_on(node, self.signatures) if name_of(g) in self.names]
        node.args = [given for given in node.args if given not in gone]
        return self.generic_visit(node)


def _passed_on(call: ast.AST, signatures: Signatures) -> Iterator[ast.expr]:
    """Yield the arguments of a call that the called function takes under the same name."""
    if isinstance(call, ast.Call) and name_of(call.func) in signatures:
        taken = signatures[str(name_of(call.func))]
        yield from (
            given for given, name in zip(call.args, taken, strict=False) if name_of(given) == name
        )


def _signatures(nodes: Iterable[ast.stmt]) -> Signatures:
    return {
        name: [argument.arg for argument in positional(function)]
        for name, function in functions(nodes).items()
    }


def _defaults(function: ast.FunctionDef) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    every = function.args
    yield from zip(reversed(positional(function)), reversed(every.defaults), strict=False)
    yield from zip(every.kwonlyargs, every.kw_defaults, strict=True)
