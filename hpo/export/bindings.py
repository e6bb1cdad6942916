"""The names that definitions bind and read."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *COMPREHENSIONS)


def bindings(node: ast.AST) -> Counter[str]:
    """Count how often names are bound, in all scopes within a piece of code."""
    return Counter(chain.from_iterable(map(_bound, ast.walk(node))))


def _bound(part: ast.AST) -> Iterable[str]:
    match part:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.alias(name=name, asname=alias):
            return [alias or name.partition(".")[0]]
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
    return []


def own_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function that are not in a nested scope."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, SCOPES):
            yield from own_scope(child)


def defined(node: ast.stmt) -> Iterable[str]:
    """Return the names that a top-level statement binds in its module."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    return stored(ast.walk(node))


def stored(parts: Iterable[ast.AST]) -> list[str]:
    """Return the names of variables that are assigned."""
    return [p.id for p in parts if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Store)]


def read(node: ast.stmt) -> set[str]:
    """Return the names that a definition may read from its module or from the built-ins.

    Names that only a nested scope binds are included.
    """
    parts = [*ast.walk(node)]
    shared = {name for part in parts if isinstance(part, ast.Global) for name in part.names}
    own: set[str] = set()
    if isinstance(node, ast.FunctionDef):
        own = {*stored(own_scope(node)), *(argument.arg for argument in every_argument(node))}
    loaded = {part.id for part in parts if isinstance(part, ast.Name) and is_loaded(part)}
    return (loaded - own) | shared


def is_loaded(part: ast.AST) -> bool:
    """Whether an expression is read, not assigned or deleted."""
    return isinstance(getattr(part, "ctx", ast.Load()), ast.Load)


def functions(nodes: Iterable[ast.stmt]) -> dict[str, ast.FunctionDef]:
    """Return the functions among definitions by name."""
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}


def positional(function: ast.FunctionDef) -> list[ast.arg]:
    """Return the arguments that a call may pass by position."""
    return [*function.args.posonlyargs, *function.args.args]


def every_argument(function: ast.FunctionDef) -> list[ast.arg]:
    """Return all arguments of a function."""
    every = function.args
    stars = [star for star in (every.vararg, every.kwarg) if star is not None]
    return [*positional(function), *every.kwonlyargs, *stars]


def needed(nodes: Sequence[ast.stmt], entries: Iterable[str]) -> list[ast.stmt]:
    """Return the definitions that entries name, those that they read, and so on."""
    by_name = {name: node for node in nodes for name in defined(node)}
    found: dict[int, ast.stmt] = {}
    waiting = [*entries]
    while waiting:
        node = by_name.get(waiting.pop())
        if node is not None and id(node) not in found:
            found[id(node)] = node
            waiting += read(node)
    return [*found.values()]


def name_of(node: ast.AST) -> str | None:
    """Return the name that an expression consists of; None if it is anything else."""
    return node.id if isinstance(node, ast.Name) else None
