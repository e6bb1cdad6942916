"""Turning generators into functions that return the list of what they yield.

A generator is run with symbols in the place of everything that only the script will have. Where
symbols are not enough - they would have to decide something, or the list would make other calls or
make them in another order - it stays as it is.
"""

import ast
import builtins
import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from hpo.export.bindings import every_argument, functions, is_loaded, name_of, needed, read
from hpo.export.known import Known

MANY = 1_000  # items: a generator that yields so many may be infinite
PURE = ("abs", "bool", "float", "int", "len", "max", "min", "range", "round", "str", "sum", "tuple")
FUNCTIONS = {name: getattr(builtins, name) for name in PURE}
IN_LOOPS = {"enumerate": enumerate, "zip": zip}
ENDLESS = ("inf", "nan")  # representations of floats that are not code
TRACE = "_call_"


class Symbol:
    """Stands for something that only the script will have; its representation is code."""

    def __init__(self, code: str) -> None:
        vars(self)["_code"] = code

    def __repr__(self) -> str:
        return str(vars(self)["_code"])

    def __str__(self) -> str:
        raise TypeError(f"what {self!r} is as a text is not known")

    def __getattr__(self, name: str) -> "Symbol":
        if name.startswith("__"):
            raise AttributeError(name)
        return self._like(f"{self!r}.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError(f"{self!r} is not there yet")

    def __call__(self, *args: object, **kwargs: object) -> "Symbol":
        """Return the code of a call."""
        parts = [*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())]
        return self._like(f"{self!r}({', '.join(parts)})")

    def __bool__(self) -> bool:
        raise TypeError(f"whether {self!r} holds is not known")

    def __eq__(self, other: object) -> bool:
        raise TypeError(f"whether {self!r} is equal to {other!r} is not known")

    __hash__ = None  # type: ignore[assignment]

    def _like(self, code: str) -> "Symbol":
        return Symbol(code)


class _Traced(Symbol):
    """A symbol whose calls are numbered in their order."""

    def __init__(self, code: str, calls: Iterator[int]) -> None:
        super().__init__(code)
        vars(self)["_calls"] = calls

    def __call__(self, *args: object, **kwargs: object) -> Symbol:
        """Return the code of a call, with its number."""
        call = super().__call__(*args, **kwargs)
        return self._like(f"{TRACE}{next(vars(self)['_calls'])}({call!r})")

    def _like(self, code: str) -> Symbol:
        return _Traced(code, vars(self)["_calls"])


class _Untraced(ast.NodeTransformer):
    """Removes the numbers of calls from code, and keeps them in the order of the code's calls."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = name_of(node.func) or ""
        if not name.startswith(TRACE):
            return node
        self.numbers.append(int(name.removeprefix(TRACE)))
        return node.args[0]


def lists(nodes: Sequence[ast.stmt], known: Known) -> dict[str, ast.FunctionDef]:
    """Return functions that return lists, for the generators that can be run, by name."""
    found = {}
    for name, function in functions(nodes).items():
        yields = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(function))
        if yields and _is_only_gone_through(name, nodes) and _may_be_run(function, nodes, known):
            with suppress(Exception):  # it needs something that is not known
                found[name] = _listed(function, nodes, known)
    return found


def _is_only_gone_through(name: str, nodes: Sequence[ast.stmt]) -> bool:
    """Whether all uses take all items at once, so that nothing happens between two items."""
    parts = [part for node in nodes for part in ast.walk(node)]
    taken = [p.value for p in parts if isinstance(p, ast.Starred | ast.YieldFrom)]
    taken += [p.args[0] for p in parts if _is_copying(p)]  # type: ignore[attr-defined]
    called = [name_of(given.func) for given in taken if isinstance(given, ast.Call)]
    return called.count(name) == sum(name_of(part) == name for part in parts if is_loaded(part))


def _is_copying(part: ast.AST) -> bool:
    return (
        isinstance(part, ast.Call)
        and name_of(part.func) in ("list", "tuple")
        and len(part.args) == 1
        and not part.keywords
    )


def _may_be_run(function: ast.FunctionDef, nodes: Sequence[ast.stmt], known: Known) -> bool:
    """Whether symbols can stand for what is not known, or raise an error where they can't."""
    run = functions(needed([*functions(nodes).values()], [function.name])).values()
    arguments = {argument.arg for argument in every_argument(function)} - known.keys()
    return every_argument(function) == function.args.args and not any(
        node.decorator_list
        or arguments & read(node)
        or any(_misreads_symbols(part, known) for part in ast.walk(node))
        for node in run
    )


def _misreads_symbols(part: ast.AST, known: Known) -> bool:
    """Whether code would treat a symbol as the real object, or hide the error that it raises."""
    if isinstance(part, ast.Compare) and any(isinstance(o, ast.Is | ast.IsNot) for o in part.ops):
        names = {name_of(inner) for inner in ast.walk(part)} - {None}
        return not names <= known.keys()
    return isinstance(part, ast.Try | ast.TryStar | ast.Match | ast.Global | ast.Nonlocal)


def _listed(function: ast.FunctionDef, nodes: Sequence[ast.stmt], known: Known) -> ast.FunctionDef:
    calls = iter(range(MANY * MANY))
    run: Callable[..., Iterable[object]] = _scope(nodes, calls)[function.name]
    names = [argument.arg for argument in function.args.args]
    items = [*islice(run(*(known.get(name, _Traced(name, calls)) for name in names)), MANY)]
    if len(items) == MANY:
        raise TypeError("it may never end")
    untraced = _Untraced()
    code = f"[{', '.join(map(repr, items))}]"
    value = untraced.visit(ast.parse(code, mode="eval").body)
    if any(name_of(part) in ENDLESS for part in ast.walk(value)):
        raise TypeError("it holds a number that can't be written down")
    if untraced.numbers != [*range(next(calls))]:
        raise TypeError("the list would not make the same calls")
    new = copy.deepcopy(function)
    new.body = [*(new.body[:1] if ast.get_docstring(new) else []), ast.Return(value)]
    if isinstance(new.returns, ast.Subscript):  # Iterator[X]
        new.returns.value = ast.Name("list", ast.Load())
    return new


def _scope(nodes: Sequence[ast.stmt], calls: Iterator[int]) -> dict[str, Any]:
    """Return a namespace of functions and plain constants, with symbols for all other names."""
    known = {**FUNCTIONS, **IN_LOOPS}
    scope: dict[str, Any] = {
        part.id: _Traced(part.id, calls)
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and part.id not in known
    }
    scope["__builtins__"] = known
    for node in nodes:
        calling = any(isinstance(part, ast.Call) for part in ast.walk(node))
        if isinstance(node, ast.FunctionDef) or not (isinstance(node, ast.ClassDef) or calling):
            with suppress(Exception):  # a constant that can't be evaluated stays a symbol
                exec(compile(_bare(node), "known", "exec"), scope)  # noqa: S102 - code that ran
    return scope


def _bare(node: ast.stmt) -> ast.Module:
    """Return a definition without annotations and decorators."""
    node = copy.deepcopy(node)
    if isinstance(node, ast.FunctionDef):
        node.returns, node.decorator_list = None, []
        for argument in node.args.args:
            argument.annotation = None
    return ast.Module([node], [])
