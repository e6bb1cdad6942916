"""Collecting the definitions that a script needs from the modules of the training code.

A module ships if it belongs to one of the given packages. From such a module a script gets the
top-level definitions that it uses, those that they use, and so on, in the order of the files;
anything else that they use is imported.
"""

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from hpo.errors import HpoError

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class Import:
    """One name that a script imports."""

    module: str
    name: str | None  # None: the module itself
    alias: str | None

    @property
    def top(self) -> str:
        """The top-level package."""
        return self.module.partition(".")[0]

    @property
    def bound(self) -> str:
        """The name that it binds."""
        return self.alias or self.name or self.top

    @property
    def brings(self) -> object:
        """What that name refers to, as a value to compare."""
        return (self.module, self.name) if self.alias or self.name else self.top

    @property
    def statement(self) -> str:
        """The import statement."""
        what = f"from {self.module} import {self.name}" if self.name else f"import {self.module}"
        return f"{what} as {self.alias}" if self.alias else what


POSTPONING = Import("__future__", "annotations", None)


def statements(imports: Iterable[Import]) -> str:
    """Return sorted import statements, one per module for names of it."""
    names: dict[str, set[str]] = {}
    plain = set()
    for needed in imports:
        if needed.name is None:
            plain.add(needed.statement)
        else:
            alias = f" as {needed.alias}" if needed.alias else ""
            names.setdefault(needed.module, set()).add(needed.name + alias)
    chosen = (
        f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)
    )
    return "\n".join([*sorted(plain), *chosen])


@dataclass(frozen=True)
class Source:
    """A module's text and top-level names, read without importing more than its package."""

    module: str

    @cached_property
    def _spec(self) -> ModuleSpec:
        try:
            spec = find_spec(self.module)
        except Exception as error:  # its package is imported, which may raise anything
            raise HpoError(f"{self.module} can't be imported: {error}") from error
        if spec is None or spec.origin is None:
            raise HpoError(f"{self.module} has no source file, so it can't be exported")
        return spec

    @cached_property
    def text(self) -> str:
        """The text of the file."""
        return Path(str(self._spec.origin)).read_text(encoding="utf-8-sig")

    @cached_property
    def tree(self) -> ast.Module:
        """The text, parsed."""
        return ast.parse(self.text)

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """Each top-level function, class and constant, by name."""
        return {name: node for statement in self.tree.body for name, node in _defined(statement)}

    @cached_property
    def imports(self) -> dict[str, list[Import]]:
        """The imports of each imported name: of `a`, those of `import a.b` and `import a.c`."""
        found: dict[str, list[Import]] = {}
        for node in chain(self.tree.body, *map(_for_types, self.tree.body)):
            for name, needed in self.imported(node):
                found.setdefault(name, []).append(needed)
        return found

    def imported(self, node: ast.AST) -> Iterator[tuple[str, Import]]:
        """Yield the names that a statement imports; none where it is no import."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                yield bound, Import(alias.name, None, alias.asname)
        elif isinstance(node, ast.ImportFrom):
            module = self._absolute(node)
            for alias in node.names:
                yield alias.asname or alias.name, Import(module, alias.name, alias.asname)

    def _absolute(self, node: ast.ImportFrom) -> str:
        package = (self._spec.parent or "").split(".")
        base = package[: len(package) - node.level + 1] if node.level else []
        return ".".join([*base, *([node.module] if node.module else [])])

    def lines_of(self, node: Definition) -> str:
        """Return the source of a definition, with its decorators and the comment above it."""
        lines = self.text.split("\n")  # as Python counts them: splitlines parts at form feeds, too
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)]) - 1
        while first > 0 and lines[first - 1].startswith("#"):
            first -= 1
        return "\n".join(lines[first : node.end_lineno])


@dataclass
class Collector:
    """The definitions and imports that a script needs, found by following names."""

    packages: tuple[str, ...]  # whose modules ship
    names: dict[str, set[str]] = field(default_factory=dict)  # of collected definitions, by module
    needs: dict[str, set[str]] = field(default_factory=dict)  # shipped modules, by importing module
    imports: set[Import] = field(default_factory=set)
    inside: set[Import] = field(default_factory=set)  # imports within definitions
    python: dict[str, set[str]] = field(default_factory=dict)  # using modules, by built-in name

    def add(self, module: str, names: Iterable[str]) -> None:
        """Collect definitions of a module, and all that they need.

        Raises:
            HpoError: they need something that a script can't contain.
        """
        source = Source(module)
        for name in names:
            self._add(source, name)

    def definitions(self) -> list[str]:
        """Return the source of each definition, after those of the modules that its module needs.

        Otherwise modules come in the order in which they were added.
        """
        order: list[str] = []
        seen: set[str] = set()
        for module in self.names:
            self._put(module, order, seen)
        return [text for module in order for text in self._texts(module)]

    @property
    def postpones(self) -> bool:
        """Whether a module's annotations are not evaluated, and may name what comes later."""
        return any(
            POSTPONING in Source(module).imports.get("annotations", ()) for module in self.names
        )

    def refuse_changes(self) -> None:
        """Refuse modules that may change what a script takes from them, which it would not do.

        Raises:
            HpoError: there is such a statement beside the definitions.
        """
        for module, names in self.names.items():
            source = Source(module)
            taken = [source.definitions[name] for name in names]
            for statement in source.tree.body:
                changed = sorted(names & _changed(statement))
                if changed and statement not in taken:
                    raise HpoError(
                        f"{module}: {changed[0]} can't stand in a script: line {statement.lineno} "
                        "may change it; define it in one statement"
                    )

    def _put(self, module: str, order: list[str], seen: set[str]) -> None:
        if module in seen:  # modules may need each other
            return
        seen.add(module)
        for needed in sorted(self.needs[module]):
            self._put(needed, order, seen)
        order.append(module)

    def _texts(self, module: str) -> list[str]:
        source = Source(module)
        # One statement may define several names.
        nodes = {
            id(node): node for name in self.names[module] for node in [source.definitions[name]]
        }
        in_order = sorted(nodes.values(), key=lambda node: node.lineno)
        return [source.lines_of(node) for node in in_order]

    def _add(self, source: Source, name: str) -> None:
        module = source.module
        taken = self.names.setdefault(module, set())
        self.needs.setdefault(module, set())
        if name in taken:
            return
        if name not in source.definitions:
            raise HpoError(f"{module} defines no {name}, so it can't be exported")
        self._refuse_second(module, name)
        taken.add(name)
        definition = source.definitions[name]
        for used in sorted(names_used(definition)):
            self._add_used(source, name, used)
        for _, needed in chain.from_iterable(map(source.imported, ast.walk(definition))):
            self._import_inside(module, needed)

    def _add_used(self, source: Source, name: str, used: str) -> None:
        """Collect what a definition calls `used`."""
        if used in source.definitions:
            self._add(source, used)
        elif used in source.imports:
            for needed in source.imports[used]:
                self._import(source.module, needed)
        elif hasattr(builtins, used):
            self.python.setdefault(used, set()).add(source.module)
        else:
            raise HpoError(
                f"{source.module}: {name} can't stand in a script: it uses {used}, which is "
                "neither a function, class or constant of the module nor imported at its top"
            )

    def _refuse_second(self, module: str, name: str) -> None:
        other = next((m for m, names in self.names.items() if m != module and name in names), None)
        if other:
            raise HpoError(
                f"{module}: {name} can't stand in a script: {other} has another one; rename it"
            )

    def _import_inside(self, module: str, needed: Import) -> None:
        if self._ships(needed.module) or needed.module.partition(".")[0] == "hpo":
            raise HpoError(
                f"{module}: `{needed.statement}` can't stand in a script: "
                "import what is not a package of others at the top of the module"
            )
        self.inside.add(needed)

    def _import(self, module: str, needed: Import) -> None:
        if self._ships(needed.module):
            if needed.name is None or needed.alias is not None:
                raise HpoError(
                    f"{module}: `{needed.statement}` can't stand in a script: "
                    f"write `from {needed.module} import NAME`"
                )
            self.needs[module].add(needed.module)
            self.add(needed.module, [needed.name])
        elif needed.module.partition(".")[0] == "hpo":
            raise HpoError(f"{module}: a script can't use hpo, but it needs {needed.module}")
        else:
            self.imports.add(needed)

    def _ships(self, module: str) -> bool:
        return any(module == p or module.startswith(f"{p}.") for p in self.packages)


def _for_types(node: ast.stmt) -> list[ast.stmt]:
    """Return what a module does only where its types are checked."""
    is_it = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    return node.body if is_it else []  # type: ignore[attr-defined]


def _defined(node: ast.stmt) -> Iterator[tuple[str, Definition]]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name, node
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, node


def _changed(statement: ast.stmt) -> set[str]:
    """Return the names whose values a top-level statement sets, or may change."""
    match statement:
        case ast.Assign() | ast.Delete():
            parts: list[ast.expr] = statement.targets
        case ast.AnnAssign() | ast.AugAssign():
            parts = [statement.target]
        case ast.Expr():
            parts = [statement.value]
        case ast.For():
            return _changed_in(statement.body)
        case ast.If() if ast.unparse(statement.test) != "__name__ == '__main__'":
            return _changed_in([*statement.body, *statement.orelse])
        case ast.With() | ast.Try():
            return _changed_in(statement.body)
        case _:
            return set()
    return {part.id for one in parts for part in ast.walk(one) if isinstance(part, ast.Name)}


def _changed_in(statements: Iterable[ast.stmt]) -> set[str]:
    return {name for statement in statements for name in _changed(statement)}


def names_used(node: ast.AST) -> set[str]:
    """Return the global and built-in names that a definition uses."""
    scopes = [symtable.symtable(ast.unparse(node), "definition", "exec")]
    own = {symbol.get_name() for symbol in scopes[0].get_symbols() if symbol.is_assigned()}
    for scope in scopes:
        scopes.extend(scope.get_children())
    symbols = (symbol for scope in scopes for symbol in scope.get_symbols())
    return {s.get_name() for s in symbols if s.is_global() and s.is_referenced()} - own
