"""Training code with what a trial gave it: no branch that the trial never took.

Two small means. In each function, expressions of what is known become their values, and only the
branches stay that follow from them. A generator whose arguments are known is run, with symbols in
the place of everything imported, and becomes the list of the calls that it yields: the loops and
branches that build a network end as a plain list of layers.

Whatever can't be worked out stays as it is.
"""

import ast
import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from hpo.export.bindings import (
    COMPREHENSIONS,
    bindings,
    defined,
    every_argument,
    functions,
    is_loaded,
    name_of,
    needed,
    own_scope,
    positional,
    read,
    stored,
)
from hpo.export.generators import ENDLESS, FUNCTIONS, Known, Symbol, lists

SHORT = 4  # items: a longer tuple gets a name, and a longer list stays a function
BRIEF = 40  # characters: what returns no more than that may stand wherever it is called


@dataclass(frozen=True)
class Specialised:
    """What is left of definitions."""

    texts: tuple[str | None, ...]  # of each, None where nothing needs it any more
    constants: Mapping[str, Any]  # values that the texts call by a name in capitals
    known: frozenset[str]  # the arguments that no function takes any more


def specialise(
    texts: Sequence[str],
    known: Known,
    entries: Iterable[str],
    partly: frozenset[str] = frozenset(),
    own: Sequence[str] = (),
) -> Specialised:
    """Give what is left of definitions, each a text, where entries are what the script calls.

    Of the arguments named in partly only some attributes are known: functions still take them.
    The script's own definitions, which come last, call the others as they will be.
    """
    every = [*texts, *own]
    before = [ast.parse(text).body[0] for text in every]
    constants: dict[str, Any] = {}
    found, pruning = lists(before, known), _Pruning(known, before, constants)
    nodes = [
        found.get(node.name) or pruning.of(node) if isinstance(node, ast.FunctionDef) else node
        for node in copy.deepcopy(before)
    ]
    left = needed(nodes, entries)
    callers = [node for node in nodes[: len(texts)] if node in left]
    passed = (_read(left, known) - partly) | _open(callers, known)
    if passed & known.keys():  # values that stand in two places could be changed in one
        known = {name: value for name, value in known.items() if name not in passed}
        return specialise(texts, known, entries, partly, own)
    nodes = _without(nodes, known.keys() - partly)
    nodes = _inlined(nodes, set(entries))
    left = needed(nodes, entries)
    return Specialised(
        texts=tuple(
            _text(text, old, node) if node in left else None
            for text, old, node in zip(every, before, nodes, strict=True)
        ),
        constants={
            name: value
            for name, value in constants.items()
            if any(name in read(node) for node in left)
        },
        known=frozenset(known.keys() - partly),
    )


def long_names(known: Known) -> set[str]:
    """Give the names that constants of a script may have: of values that are too long for code."""
    attributes = (getattr(one, "__dict__", {}) for one in known.values())
    return {name.upper() for of in attributes for name, value in of.items() if _is_long(value)}


def _is_long(value: object) -> bool:
    return isinstance(value, tuple) and len(value) > SHORT


def _text(text: str, before: ast.stmt, after: ast.stmt) -> str:
    """Give a definition as it was written, with its comments, where nothing of it has changed."""
    return text if ast.dump(before) == ast.dump(after) else _unparsed(after)


def _unparsed(node: ast.stmt) -> str:
    return ast.unparse(ast.fix_missing_locations(node))


def _holds(node: ast.stmt) -> bool:
    """Whether a definition is one that Python takes without a word."""
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("error")
        compile(_unparsed(node), "definition", "exec")
        return True
    return False


# ---- branches


class _Pruning:
    """Gives functions with values in place of what is known, without branches never taken."""

    def __init__(self, known: Known, nodes: Sequence[ast.stmt], constants: dict[str, Any]) -> None:
        self.known, self.constants, self.tables = known, constants, _tables(nodes)
        self.defined = {name for node in nodes for name in defined(node)}

    def of(self, function: ast.FunctionDef) -> ast.FunctionDef:
        """Give what is left of a function; the whole function where that would not compile."""
        taken = bindings(function).keys()
        rewriter = _Pruned(self.known, self.tables, self.constants, taken, self.defined)
        new = _single_constants(rewriter.visit(copy.deepcopy(function)))
        new = _Keywords().visit(_filled(new))
        return new if _holds(new) else function


class _Pruned(ast.NodeTransformer):
    """Puts values in the place of what is known, and drops what is never reached."""

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
            with suppress(Exception):  # it names something that is not known
                return self._literal(node, self._value(node))
        return super().visit(node)

    def _asks(self, node: ast.expr) -> bool:
        """Whether it reads what is known, and neither passes it on nor binds anything."""
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
        return eval(code, {"__builtins__": self.functions, **self.known})  # noqa: S307 - code that ran

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
        if yielding and not _yields(node):  # of nothing, it is a generator still
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
        """Leave out what decides nothing, and what comes after that which does."""
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
        """Take an entry out of a table."""
        self.generic_visit(node)
        table = self.tables.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if table is None or not isinstance(node.slice, ast.Constant):
            return node
        found = {k.value: v for k, v in _items(table) if isinstance(k, ast.Constant)}
        entry = found.get(node.slice.value, node)
        names = {name_of(part) for part in (*ast.walk(node), *ast.walk(entry))}
        return copy.deepcopy(entry) if self.taken.isdisjoint(names) else node


def _yields(function: ast.FunctionDef) -> bool:
    return any(isinstance(part, ast.Yield | ast.YieldFrom) for part in own_scope(function))


def _items(table: ast.Dict) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    return zip(table.keys, table.values, strict=True)


def _tables(nodes: Sequence[ast.stmt]) -> dict[str, ast.Dict]:
    """Give the dictionaries whose entries may stand where they are looked up: none is changed."""
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
    """Give the tables that an expression looks something up in."""
    if isinstance(part, ast.Subscript) and is_loaded(part):
        return [part.value]
    if isinstance(part, ast.Compare) and isinstance(part.ops[-1], ast.In | ast.NotIn):
        return part.comparators[-1:]
    return []


def _is_made(value: ast.expr) -> bool:
    """Whether it gives another object each time that it is worked out."""
    made = (ast.Call, ast.List, ast.Dict, ast.Set, *COMPREHENSIONS)
    return any(isinstance(part, made) for part in ast.walk(value))


def _single_constants(function: ast.FunctionDef) -> ast.FunctionDef:
    """Put a constant, or nothing, in the place of a variable that never gets another value."""
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
    replacing = _Replaced(constant)
    function.body = [
        replacing.visit(line)
        for line in function.body
        if not (isinstance(line, ast.Assign) and name_of(line.targets[0]) in constant)
    ]
    return function


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) and not node.keys


def _is_only_spread(name: str, function: ast.FunctionDef) -> bool:
    """Whether a dictionary only gives keywords to calls: nothing comes into it, none sees it."""
    parts = [*ast.walk(function)]
    spread = [part.value for part in parts if isinstance(part, ast.keyword) and not part.arg]
    return [name_of(part) for part in spread].count(name) + 1 == sum(
        name_of(part) == name for part in parts
    )


class _Keywords(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Write a=1 for **{"a": 1}."""
        self.generic_visit(node)
        keywords: list[ast.keyword] = []
        for keyword in node.keywords:
            if keyword.arg is None and _is_named(keyword.value):
                keywords += [ast.keyword(k.value, v) for k, v in _items(keyword.value)]  # type: ignore[union-attr,arg-type]
            else:
                keywords.append(keyword)
        node.keywords = keywords
        return node


def _is_named(value: ast.expr) -> bool:
    """Whether it is a dictionary of what can be the names of arguments."""
    return isinstance(value, ast.Dict) and all(
        isinstance(key, ast.Constant)
        and isinstance(key.value, str)
        and key.value.isidentifier()
        and not iskeyword(key.value)
        for key in value.keys
    )


def _filled(function: ast.FunctionDef) -> ast.FunctionDef:
    """Put `pass` where no statement is left in a block that needs one."""
    for part in ast.walk(function):
        if getattr(part, "body", None) == []:
            part.body = [ast.Pass()]  # type: ignore[attr-defined]
        if isinstance(part, ast.Try | ast.TryStar) and not part.handlers and not part.finalbody:
            part.finalbody = [ast.Pass()]
    return function


# ---- arguments and calls


Signatures = Mapping[str, Sequence[str]]
"""The names of the arguments of each function that ships, in the order of their places."""


def _signatures(nodes: Iterable[ast.stmt]) -> Signatures:
    return {
        name: [argument.arg for argument in positional(function)]
        for name, function in functions(nodes).items()
    }


def _passed_on(call: ast.AST, signatures: Signatures) -> Iterator[ast.expr]:
    """Give the arguments of a call that another shipped function takes under the same name."""
    if isinstance(call, ast.Call) and name_of(call.func) in signatures:
        taken = signatures[str(name_of(call.func))]
        yield from (
            given for given, name in zip(call.args, taken, strict=False) if name_of(given) == name
        )


def _read(nodes: Sequence[ast.stmt], known: Known) -> set[str]:
    """Give the known arguments that a function reads, other than to pass them on."""
    signatures = _signatures(nodes)
    parts = [part for function in functions(nodes).values() for part in ast.walk(function)]
    only_passed = {id(given) for part in parts for given in _passed_on(part, signatures)}
    return {
        part.id
        for part in parts
        if isinstance(part, ast.Name) and part.id in known and id(part) not in only_passed
    }


def _open(nodes: Sequence[ast.stmt], known: Known) -> set[str]:
    """Give the known arguments that are something else somewhere: nothing follows from them."""
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
                another = bound[function.name] > own  # under the same name
                call = None if another else calls.get(id(part))
                found |= _not_passed(function, call, takes, known)
    return found


def _not_passed(
    function: ast.FunctionDef, call: ast.Call | None, takes: Iterable[str], known: Known
) -> set[str]:
    """Give the known arguments that a use of a function does not pass on as what takes them."""
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


def _defaults(function: ast.FunctionDef) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    every = function.args
    yield from zip(reversed(positional(function)), reversed(every.defaults), strict=False)
    yield from zip(every.kwonlyargs, every.kw_defaults, strict=True)


def _without(nodes: Iterable[ast.stmt], names: Iterable[str]) -> list[ast.stmt]:
    """Give definitions whose functions don't take arguments of these names, nor are given them."""
    passing = _Passing(names, _signatures(nodes))
    for function in functions(nodes).values():
        defaults = dict(_defaults(function))
        every = function.args
        every.posonlyargs = [a for a in every.posonlyargs if a.arg not in passing.names]
        every.args = [a for a in every.args if a.arg not in passing.names]
        every.defaults = [d for a in positional(function) if (d := defaults.get(a)) is not None]
    return [passing.visit(node) for node in nodes]


class _Passing(ast.NodeTransformer):
    """Takes arguments out of the calls of functions."""

    def __init__(self, names: Iterable[str], signatures: Signatures) -> None:
        self.names, self.signatures = set(names), signatures

    def visit_Call(self, node: ast.Call) -> ast.AST:
        gone = [g for g in _passed_on(node, self.signatures) if name_of(g) in self.names]
        node.args = [given for given in node.args if given not in gone]
        return self.generic_visit(node)


def _inlined(nodes: list[ast.stmt], entries: set[str]) -> list[ast.stmt]:
    """Put what a function gives in the place of its call, where that is all it does.

    That is once, or as often as it likes where it is no longer than a call.
    """
    for name in _signatures(nodes):
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
    return [_Unpacked().visit(node) for node in nodes]


def _is_plain(function: ast.FunctionDef, call: ast.Call) -> bool:
    """Whether it does nothing but to return a short expression, of what is as short in the call."""
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
    """Whether a caller gives no meaning of its own to the function's name and what it names."""
    own, parts = bindings(caller), [*ast.walk(function.body[-1])]
    names = {name_of(part) for part in parts} - {argument.arg for argument in function.args.args}
    variables = set(stored(parts))  # they become the caller's
    inner = any(isinstance(part, COMPREHENSIONS) for part in ast.walk(caller))
    return (
        function.name not in own
        and own.keys().isdisjoint(names)
        and variables.isdisjoint(read(caller))
        and not (variables and (inner or isinstance(caller, ast.ClassDef)))
    )


def _is_brief(function: ast.FunctionDef) -> bool:
    return len(ast.unparse(function.body[-1])) <= BRIEF


class _Inlining(ast.NodeTransformer):
    """Puts the expression that a function returns in the place of its call."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.function = function

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if name_of(node.func) != self.function.name:
            return node
        names = [argument.arg for argument in self.function.args.args]
        last = copy.deepcopy(self.function.body[-1])
        return _Replaced(dict(zip(names, node.args, strict=True))).visit(last).value  # type: ignore[no-any-return]


class _Unpacked(ast.NodeTransformer):
    def visit_List(self, node: ast.List) -> ast.AST:
        """Write [x] for [*[x]]."""
        self.generic_visit(node)
        lists = [e.value if isinstance(e, ast.Starred) else None for e in node.elts]
        node.elts = [
            item
            for element, inner in zip(node.elts, lists, strict=True)
            for item in (inner.elts if isinstance(inner, ast.List) else [element])
        ]
        return node


class _Replaced(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return copy.deepcopy(self.values.get(node.id, node))


def _expression(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body
