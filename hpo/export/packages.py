"""The installed packages behind the imports of a script."""

import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions

from hpo.device import BACKENDS
from hpo.export.source import Import

# Packages that decide over a value's digits beside the one that is imported.
BEHIND = {"sklearn.svm": ("scipy",), "keras": BACKENDS}

JOBLIB = "joblib"  # comes with scikit-learn


def packages(imports: Iterable[Import]) -> list[str]:
    """Return the names of the packages that imports need, as they are installed under."""
    tops = {needed.top for needed in imports} - sys.stdlib_module_names - {JOBLIB}
    return sorted({_package(top) for top in tops}, key=str.lower)


def packages_behind(imports: Iterable[Import]) -> list[str]:
    """Return the packages that a value's digits depend on."""
    needed = [*imports]
    modules = {module for one in needed for module in (one.top, one.module)}
    behind = [package for module in BEHIND if module in modules for package in BEHIND[module]]
    return [*packages(needed), *behind]


def requirements(imports: Iterable[Import], backend: str) -> str:
    """Return the names of the packages to install, for people; Keras needs its backend."""
    names = packages(imports)
    return ", ".join(f"keras, {backend}" if name == "keras" else name for name in names)


def _package(top: str) -> str:
    """Return the package that brings a module; the module's own name if none or several do."""
    found = set(_installed().get(top, ()))
    return found.pop() if len(found) == 1 else top


@cache
def _installed() -> dict[str, list[str]]:
    """Return the packages of each top-level module; cached, as it reads the files of them all."""
    return {top: [*names] for top, names in packages_distributions().items()}
