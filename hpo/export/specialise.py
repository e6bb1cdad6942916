"""Training code with what a trial gave it: no branch that the trial never took.

Two small means. In each function, expressions of what is known become their values, and only the
branches stay that follow from them. A generator whose arguments are known is run, with symbols in
the place of everything imported, and becomes the list of the calls that it yields: the loops and
branches that build a network end as a plain list of layers.

Whatever can't be worked out stays as it is.
"""

import ast
import builtins
import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

Known = Mapping[str, Any]
"""What the arguments of these names are in every function: None, or an object with attributes."""

SHORT = 4  # items: a longer tuple gets a name, and a longer list stays a function
BRIEF = 40  # characters: what returns no more than that may stand wherever it is called
MANY = 1_000  # items: what yields so many may have no end
PURE = ("abs", "bool", "float", "int", "len", "max", "min", "range", "round", "str", "sum", "tuple")
FUNCTIONS = {name: getattr(builtins, name) for name in PURE}


@dataclass(frozen=True)
class Specialised:
    """What is left of definitions."""

    texts: tuple[str | None, ...]  # of each, None where nothing needs it any more
    constants: Mapping[str, Any]  # values that the texts call by a name in capitals
    known: frozenset[str]  # the arguments that no function takes any more


class Symbol:
    """Something that only the script will have, as the code that stands for it."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __repr__(self) -> str:
        return self._code

    def __getattr__(self, name: str) -> "Symbol":
        if name.startswith("__"):
            raise AttributeError(name)
        return Symbol(f"{self._code}.{name}")

    def __call__(self, *args: object, **kwargs: object) -> "Symbol":
        """Give the code of a call."""
        parts = [*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())]
        return Symbol(f"{self._code}({', '.join(parts)})")

    def __bool__(self) -> bool:
        raise TypeError(f"whether {self._code} holds is not known")

    def __eq__(self, other: object) -> bool:
        raise TypeError(f"whether {self._code} is equal to {other!r} is not known")

    __hash__ = None  # type: ignore[assignment]


def specialise(
    texts: Sequence[str], known: Known, entries: Iterable[str], partly: frozenset[str] = frozenset()
) -> Specialised:
    """Give what is left of definitions, each a text, where entries are what the script calls.

    Of the arguments named in partly only some attributes are known: functions still take them.
    """
    before = [ast.parse(text).body[0] for text in texts]
    constants: dict[str, Any] = {}
    lists = _lists(before, known)
    tables = _tables(before)
    nodes = [
        lists.get(node.name) or _single_constants(_Pruned(known, tables, constants).visit(node))
        if isinstance(node, ast.FunctionDef)
        else node
        for node in copy.deepcopy(before)
    ]
    passed = _read(_needed(nodes, entries), known) - partly
    if passed:  # values that stand in two places could be changed in one
        known = {name: value for name, value in known.items() if name not in passed}
        return specialise(texts, known, entries, partly)
    passing = _Passing(known.keys() - partly, _signatures(nodes))
    nodes = [passing.visit(node) for node in nodes]
    nodes = _inlined(nodes, set(entries))
    needed = _needed(nodes, entries)
    return Specialised(
        texts=tuple(
            _text(text, old, node) if node in needed else None
            for text, old, node in zip(texts, before, nodes, strict=True)
        ),
        constants={
            name: value
            for name, value in constants.items()
            if any(name in _named(node) for node in needed)
        },
        known=frozenset(known.keys() - partly),
    )


def _text(text: str, before: ast.stmt, after: ast.stmt) -> str:
    """Give a definition as it was written, with its comments, where nothing of it has changed."""
    if ast.dump(before) == ast.dump(after):
        return text
    return ast.unparse(ast.fix_missing_locations(after))


# ---- branches


class _Pruned(ast.NodeTransformer):
    """Puts values in the place of what is known, and drops what is never reached."""

    def __init__(
        self, known: Known, tables: Mapping[str, ast.Dict], constants: dict[str, Any]
    ) -> None:
        self.known, self.tables, self.constants = known, tables, constants

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and self._asks(node):
            with suppress(Exception):  # it names something that is not known
                return self._literal(node, self._value(node))
        return super().visit(node)

    def _asks(self, node: ast.expr) -> bool:
        """Whether it names what is known, and is no argument that is only passed on."""
        names = (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
        return not isinstance(node, ast.Name) and not self.known.keys().isdisjoint(names)

    def _value(self, node: ast.expr) -> Any:
        expression = ast.fix_missing_locations(ast.Expression(copy.deepcopy(node)))
        code = compile(expression, "known", "eval")
        return eval(code, {"__builtins__": FUNCTIONS, **self.known})  # noqa: S307 - code that ran

    def _literal(self, node: ast.expr, value: Any) -> ast.expr:
        if not isinstance(value, bool | int | float | str | tuple | Symbol | None):
            raise TypeError(f"{value!r} can't be written down")
        if isinstance(value, tuple) and len(value) > SHORT:
            assert isinstance(node, ast.Attribute)
            self.constants[node.attr.upper()] = value
            return ast.Name(node.attr.upper(), ast.Load())
        return _expression(repr(value))

    def _body(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        left: list[ast.stmt] = []
        for statement in body:
            new = self.visit(statement)
            left += new if isinstance(new, list) else [new]
            if left and isinstance(left[-1], ast.Return | ast.Raise):
                break
        return left

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = self._body(node.body) or [ast.Pass()]
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self._body(node.body if test.value else node.orelse)
        node.test, node.orelse = test, self._body(node.orelse)
        node.body = self._body(node.body) or [ast.Pass()]
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
        return copy.deepcopy(found.get(node.slice.value, node))


def _items(table: ast.Dict) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    return zip(table.keys, table.values, strict=True)


def _tables(nodes: Iterable[ast.stmt]) -> dict[str, ast.Dict]:
    return {
        node.targets[0].id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Dict)
    }


def _single_constants(function: ast.FunctionDef) -> ast.FunctionDef:
    """Put a constant, or nothing, in the place of a variable that never gets another value."""
    stored = Counter(
        part.id
        for part in ast.walk(function)
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
    )
    constant = {
        line.targets[0].id: line.value
        for line in function.body
        if isinstance(line, ast.Assign)
        and isinstance(line.targets[0], ast.Name)
        and (isinstance(line.value, ast.Constant) or _is_empty(line.value))
        and stored[line.targets[0].id] == 1
    }
    function.body = [
        line
        for line in function.body
        if not (isinstance(line, ast.Assign) and _name(line.targets[0]) in constant)
    ]
    return _Keywords().visit(_Replaced(constant).visit(function))  # type: ignore[no-any-return]


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) and not node.keys


class _Keywords(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Write a=1 for **{"a": 1}."""
        self.generic_visit(node)
        keywords: list[ast.keyword] = []
        for keyword in node.keywords:
            if keyword.arg is None and isinstance(keyword.value, ast.Dict):
                keywords += [ast.keyword(k.value, v) for k, v in _items(keyword.value)]  # type: ignore[union-attr]
            else:
                keywords.append(keyword)
        node.keywords = keywords
        return node


# ---- generators


def _lists(nodes: Sequence[ast.stmt], known: Known) -> dict[str, ast.FunctionDef]:
    """Give each generator whose turns are known as a function that returns a list."""
    functions = _functions(nodes)
    scope: dict[str, Any] = {
        part.id: Symbol(part.id)
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and part.id not in FUNCTIONS
    }
    scope["__builtins__"] = {**FUNCTIONS, "enumerate": enumerate, "zip": zip}
    for node in nodes:
        with suppress(Exception):  # what needs more than symbols stays one
            exec(compile(_bare(node), "known", "exec"), scope)  # noqa: S102 - code that ran
    lists = {}
    for name, function in functions.items():
        if any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(function)):
            with suppress(Exception):  # it asks for what is not known
                lists[name] = _listed(function, scope[name], known)
    return lists


def _bare(node: ast.stmt) -> ast.Module:
    """Give a definition without what only describes it."""
    node = copy.deepcopy(node)
    if isinstance(node, ast.FunctionDef):
        node.returns, node.decorator_list = None, []
        for argument in node.args.args:
            argument.annotation = None
    return ast.Module([node], [])


def _listed(
    function: ast.FunctionDef, run: Callable[..., Iterable[object]], known: Known
) -> ast.FunctionDef:
    names = [argument.arg for argument in function.args.args]
    items = [*islice(run(*(known.get(name, Symbol(name)) for name in names)), MANY)]
    if len(items) == MANY:
        raise TypeError("it may never end")
    new = copy.deepcopy(function)
    docstring = new.body[:1] if ast.get_docstring(new) else []
    new.body = [*docstring, ast.Return(_expression(f"[{', '.join(map(repr, items))}]"))]
    if isinstance(new.returns, ast.Subscript):  # Iterator[X]
        new.returns.value = ast.Name("list", ast.Load())
    return new


# ---- arguments and calls


def _functions(nodes: Iterable[ast.stmt]) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}


Signatures = Mapping[str, Sequence[str]]
"""The names of the arguments of each function that ships."""


def _signatures(nodes: Iterable[ast.stmt]) -> Signatures:
    functions = _functions(nodes)
    return {name: [a.arg for a in function.args.args] for name, function in functions.items()}


def _passed_on(call: ast.AST, signatures: Signatures) -> Iterator[ast.expr]:
    """Give the arguments of a call that another shipped function takes under the same name."""
    if isinstance(call, ast.Call) and _name(call.func) in signatures:
        taken = signatures[str(_name(call.func))]
        yield from (
            given for given, name in zip(call.args, taken, strict=False) if _name(given) == name
        )


def _read(nodes: Sequence[ast.stmt], known: Known) -> set[str]:
    """Give the known arguments that a function reads, other than to pass them on."""
    signatures = _signatures(nodes)
    parts = [part for function in _functions(nodes).values() for part in ast.walk(function)]
    only_passed = {id(given) for part in parts for given in _passed_on(part, signatures)}
    return {
        part.id
        for part in parts
        if isinstance(part, ast.Name) and part.id in known and id(part) not in only_passed
    }


class _Passing(ast.NodeTransformer):
    """Takes arguments out of functions and out of their calls."""

    def __init__(self, names: Iterable[str], signatures: Signatures) -> None:
        self.names, self.signatures = set(names), signatures

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        every = node.args
        defaults = dict(zip(reversed(every.args), reversed(every.defaults), strict=False))
        every.args = [argument for argument in every.args if argument.arg not in self.names]
        every.defaults = [defaults[a] for a in every.args if a in defaults]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        gone = [g for g in _passed_on(node, self.signatures) if _name(g) in self.names]
        node.args = [given for given in node.args if given not in gone]
        return self.generic_visit(node)


def _inlined(nodes: list[ast.stmt], entries: set[str]) -> list[ast.stmt]:
    """Put what a function gives in the place of its call, where that is all it does.

    That is once, or as often as it likes where it is no longer than a call.
    """
    for name in _signatures(nodes):
        needed = _needed(nodes, entries)
        function = _functions(needed).get(name)
        parts = [part for node in needed for part in ast.walk(node)]
        calls = [p for p in parts if isinstance(p, ast.Call) and _name(p.func) == name]
        only_called = len(calls) == sum(_name(part) == name for part in parts) > 0
        if (
            function
            and only_called
            and name not in entries
            and all(_is_plain(function, call) for call in calls)
            and (len(calls) == 1 or _is_brief(function))
        ):
            inlining = _Inlining(function)
            nodes = [inlining.visit(node) for node in nodes]
    return [_Unpacked().visit(node) for node in nodes]


def _is_plain(function: ast.FunctionDef, call: ast.Call) -> bool:
    """Whether it does nothing but to return a short expression, of what is as short in the call."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    value = body[0].value if isinstance(body[0], ast.Return) else None
    if value is None or call.keywords:
        return False
    scopes = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    return (
        not any(isinstance(part, scopes) for part in ast.walk(value))
        and not (isinstance(value, ast.List) and len(value.elts) > SHORT)
        and all(isinstance(given, ast.Name | ast.Constant) for given in call.args)
        and len(call.args) == len(function.args.args)
    )


def _is_brief(function: ast.FunctionDef) -> bool:
    return len(ast.unparse(function.body[-1])) <= BRIEF


class _Inlining(ast.NodeTransformer):
    """Puts the expression that a function returns in the place of its call."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.function = function

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if _name(node.func) != self.function.name:
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


def _needed(nodes: Sequence[ast.stmt], entries: Iterable[str]) -> list[ast.stmt]:
    """Give what entries name, and what that names, and so on."""
    by_name = {name: node for node in nodes for name in _defined(node)}
    found: dict[int, ast.stmt] = {}
    waiting = [*entries]
    while waiting:
        node = by_name.get(waiting.pop())
        if node is not None and id(node) not in found:
            found[id(node)] = node
            waiting += _named(node)
    return [*found.values()]


def _named(node: ast.stmt) -> Iterator[str]:
    """Give the names that a definition reads and never writes: those of its module, or Python's."""
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    own = {part.id for part in names if isinstance(part.ctx, ast.Store)}
    own |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    return (part.id for part in names if part.id not in own)


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id


def _name(node: ast.AST) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _expression(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body
