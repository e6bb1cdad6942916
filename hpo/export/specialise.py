"""Specialising training code for the parameters of a trial (partial evaluation).

Functions are pruned of the branches that the trial never took. A generator whose arguments are
known is run, with symbols in the place of everything imported, and becomes the list of the calls
that it yields: the loops and branches that build a network become a plain list of layers. Known
arguments are then removed from all functions, and short functions are inlined.

Whatever can't be evaluated stays as it is.
"""

import ast
import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.export.arguments import left_open, still_read, without
from hpo.export.bindings import needed, read
from hpo.export.generators import lists
from hpo.export.inlining import inlined
from hpo.export.known import Known
from hpo.export.pruning import Pruning
from hpo.export.writing import Unpacked, written


@dataclass(frozen=True)
class Specialised:
    """Specialised definitions."""

    texts: tuple[str | None, ...]  # the source of each; None if nothing needs it any more
    constants: Mapping[str, Any]  # long values that the texts refer to, by names in capitals
    known: frozenset[str]  # the arguments that no function takes any more


def specialise(
    texts: Sequence[str],
    known: Known,
    entries: Iterable[str],
    partly: frozenset[str] = frozenset(),
    own: Sequence[str] = (),
) -> Specialised:
    """Specialise definitions, given as source; `entries` are those that the script calls.

    Of the arguments named in `partly` only some attributes are known, so functions still take them.
    The script's `own` definitions come last and call the others as they are when specialised.
    """
    every = [*texts, *own]
    before = [ast.parse(text).body[0] for text in every]
    constants: dict[str, Any] = {}
    found, pruning = lists(before, known), Pruning(known, before, constants)
    nodes = [
        found.get(node.name) or pruning.of(node) if isinstance(node, ast.FunctionDef) else node
        for node in copy.deepcopy(before)
    ]
    left = needed(nodes, entries)
    callers = [node for node in nodes[: len(texts)] if node in left]
    passed = (still_read(left, known) - partly) | left_open(callers, known)
    if passed & known.keys():  # an argument that stays must not also be written as a value
        known = {name: value for name, value in known.items() if name not in passed}
        return specialise(texts, known, entries, partly, own)
    nodes = without(nodes, known.keys() - partly)
    nodes = [Unpacked(found.keys()).visit(node) for node in inlined(nodes, set(entries))]
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


def _text(text: str, before: ast.stmt, after: ast.stmt) -> str:
    """Return a definition's source, as it was with its comments if nothing has changed."""
    return text if ast.dump(before) == ast.dump(after) else written(after)
