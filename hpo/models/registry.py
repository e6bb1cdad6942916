"""Finding a model by its name in a definition."""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from hpo.errors import DefinitionError
from hpo.models.model import Model

BUILT_IN = {
    "svm": "hpo.models.svm:SVM",
    "cnn": "hpo.models.cnn:CNN",
}


def resolve(name: str, source: str) -> Model:
    """Return a built-in model, or your own by "package.module:Name"; source is named in errors.

    Raises:
        DefinitionError: there is no such model, or importing it fails.
    """
    module_name, colon, attribute = BUILT_IN.get(name, name).partition(":")
    if not colon:
        known = ", ".join(BUILT_IN)
        raise DefinitionError(
            source, "model", f'"{name}" is none of {known}; your own is "package.module:Name"'
        )
    if name not in BUILT_IN and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as python -m does, unlike a console script
    model = _import(module_name, attribute, source)
    if not isinstance(model, Model):
        raise DefinitionError(source, "model", f'"{name}" is not an hpo.models.Model')
    problem = _obstacle(model.training)
    if problem:
        raise DefinitionError(
            source, "model", f'"{name}" trains in {model.training}, which {problem}'
        )
    return model


def _obstacle(module: str) -> str | None:
    """Say why a module can't be imported, as far as is known before it is."""
    try:
        return None if find_spec(module) else "is missing"
    except ModuleNotFoundError as error:
        is_its_package = f"{module}.".startswith(f"{error.name}.")
        return "is missing" if is_its_package else f"can't be imported: {error}"
    except Exception as error:  # noqa: BLE001 - its package is imported, which may raise anything
        return f"can't be imported: {error}"


def _import(module_name: str, attribute: str, source: str) -> object:
    try:
        return getattr(import_module(module_name), attribute)
    except Exception as error:  # a user's module may raise anything
        raise DefinitionError(
            source,
            "model",
            f"{module_name}:{attribute} can't be imported: {error}{_where(module_name, error)}",
        ) from error


def _where(module_name: str, error: Exception) -> str:
    """Say where a model has to be, where it is that which was not found."""
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    if missing is None or not f"{module_name}.".startswith(f"{missing}."):
        return ""
    return f": start hpo in the folder that holds {missing}, or name that folder in PYTHONPATH"
