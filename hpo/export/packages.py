"""The installed packages behind the imports of a script."""

import sys
from collections.abc import Iterable

from hpo.device import BACKENDS, distribution
from hpo.export.source import Import

# The packages that decide over a value's digits, by what is imported of the built-in models.
BEHIND = {
    "numpy": ("numpy",),
    "sklearn": ("scikit-learn",),
    "sklearn.svm": ("scipy",),
    "keras": ("keras", *BACKENDS),
}


def others(imports: Iterable[Import]) -> list[str]:
    """Return the modules that other packages bring; joblib comes with scikit-learn."""
    return sorted({needed.top for needed in imports} - sys.stdlib_module_names - {"joblib"})


def packages_behind(imports: Iterable[Import]) -> list[str]:
    """Return the packages that a value of a built-in model depends on."""
    modules = {module for one in imports for module in (one.top, one.module)}
    return [package for module in BEHIND if module in modules for package in BEHIND[module]]


def requirements(imports: Iterable[Import], backend: str) -> str:
    """Return the names of the packages to install, for people; Keras needs its backend."""
    names = {distribution(module) or module for module in others(imports)}
    listed = sorted(names - ({backend} if "keras" in names else set()), key=str.lower)
    return ", ".join(f"keras, {backend}" if name == "keras" else name for name in listed)
