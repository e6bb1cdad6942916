"""Take the definitions that a script needs out of the modules that hold them.

A module ships when it belongs to one of the given packages. From such a module a script gets the
top-level definitions that it names, those that they name, and so on, in the order of the files;
anything else that they name is imported.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
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
    def statement(self) -> str:
        """The line of code."""
        what = f"from {self.module} import {self.name}" if self.name else f"import {self.module}"
        return f"{what} as {self.alias}" if self.alias else what


@dataclass(frozen=True)
class Source:
    """A module's text, and what its top-level names stand for; the module is not imported."""

    module: str

    @cached_property
    def _spec(self) -> ModuleSpec:
        spec = find_spec(self.module)
        if spec is None or spec.origin is None:
            raise HpoError(f"{self.module} has no source file, so it can't be exported")
        return spec

    @cached_property
    def text(self) -> str:
        """The text of the file."""
        return Path(str(self._spec.origin)).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The text, parsed."""
        return ast.parse(self.text)

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """Each top-level function, class and constant, by name."""
        return {name: node for statement in self.tree.body for name, node in _defined(statement)}

    @cached_property
    def imports(self) -> dict[str, Import]:
        """Each imported name."""
        return {name: found for node in self.tree.body for name, found in self._imported(node)}

    def _imported(self, node: ast.stmt) -> Iterator[tuple[str, Import]]:
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
        """Give the text of a definition, with its decorators and the comment above it."""
        lines = self.text.splitlines()
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)]) - 1
        while first > 0 and lines[first - 1].startswith("#"):
            first -= 1
        return "\n".join(lines[first : node.end_lineno])


@dataclass(frozen=True)
class Section:
    """What a script takes from one module."""

    module: str
    title: str  # the first line of the module's docstring
    code: str


@dataclass
class Collector:
    """The definitions and imports that a script needs, found by following names."""

    packages: tuple[str, ...]  # whose modules ship
    names: dict[str, set[str]] = field(default_factory=dict)  # taken, by module
    needs: dict[str, set[str]] = field(default_factory=dict)  # a module's own shipped imports
    imports: set[Import] = field(default_factory=set)

    def add(self, module: str, names: Iterable[str]) -> None:
        """Take definitions of a module, and all that they need.

        Raises:
            HpoError: they need something that can't stand in a script.
        """
        source = Source(module)
        for name in names:
            self._add(source, name)

    def sections(self) -> list[Section]:
        """Give what was taken in the order of asking, each module after those that it needs."""
        order: dict[str, None] = {}
        for module in self.names:
            self._put(module, order)
        return [self._section(module) for module in order]

    def _put(self, module: str, order: dict[str, None]) -> None:
        for needed in sorted(self.needs[module]):
            self._put(needed, order)
        order.setdefault(module)

    def _section(self, module: str) -> Section:
        source = Source(module)
        # One statement may define several names.
        nodes = {
            id(node): node for name in self.names[module] for node in [source.definitions[name]]
        }
        in_order = sorted(nodes.values(), key=lambda node: node.lineno)
        title = (ast.get_docstring(source.tree) or module).splitlines()[0].rstrip(".")
        return Section(module, title, "\n\n\n".join(map(source.lines_of, in_order)))

    def _add(self, source: Source, name: str) -> None:
        module = source.module
        taken = self.names.setdefault(module, set())
        self.needs.setdefault(module, set())
        if name in taken:
            return
        if name not in source.definitions:
            raise HpoError(f"{module} defines no {name}, so it can't be exported")
        taken.add(name)
        for used in sorted(_used(source.definitions[name])):
            if used in source.definitions:
                self._add(source, used)
            elif used in source.imports:
                self._import(module, source.imports[used])

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


def _defined(node: ast.stmt) -> Iterator[tuple[str, Definition]]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name, node
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, node


def _used(node: ast.AST) -> set[str]:
    """Give the names that a definition reads and does not bind itself."""
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    bound = {n.id for n in names if not isinstance(n.ctx, ast.Load)}
    bound |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    return {n.id for n in names} - bound
