"""`hpo check`."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

import click

from hpo.device import BACKENDS, backend, cores, gpus_seen, muted_stderr, use_one_thread
from hpo.errors import HpoError

if TYPE_CHECKING:
    from hpo.storage.database import Database


@click.command()
def check() -> None:
    """Check each part that hpo needs: versions, device, artifacts, database, and studies' data.

    Prints a line for each; where one is bad it says how to fix it, and exits with 1.

    \b
    Example:
      hpo check
    """
    use_one_thread()
    from hpo.cli.database import open_database

    parts = {"versions": _versions, "device": _device, "artifacts": _artifacts}
    results = [_try(name, part) for name, part in parts.items()]
    try:
        with open_database("check") as database:
            results.append(_try("database", partial(_database, database)))
            results += [_try("data", part) for part in _data_parts(database)]
    except HpoError as error:
        _say("BAD", "database", str(error))
        results.append(False)
    if not all(results):
        raise HpoError("some parts are bad, see above")


def _try(name: str, part: Callable[[], str]) -> bool:
    try:
        _say("ok", name, part())
    except HpoError as error:
        _say("BAD", name, str(error))
        return False
    return True


def _say(verdict: str, name: str, detail: str) -> None:
    click.echo(f"{verdict:<4} {name:<9} {detail}")


def _versions() -> str:
    """Compare the installed packages with hpo's requirements."""
    from packaging.requirements import Requirement

    trains = backend()
    wanted = [Requirement(line) for line in requires("hpo") or ()]
    wanted = [one for one in wanted if one.name == trains or one.name not in BACKENDS]
    found = {one.name: _installed(one.name) for one in wanted}
    for one in wanted:
        if not one.specifier.contains(found[one.name], prereleases=True):
            raise HpoError(
                f"{one.name} is {found[one.name] or 'missing'}, {one.specifier} is needed: "
                "install from requirements.lock"
            )
    if not _installed(trains):
        raise HpoError(f"KERAS_BACKEND={trains}: {trains} is not installed")
    return ", ".join(f"{name} {_installed(name)}" for name in ("optuna", trains, "scikit-learn"))


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _device() -> str:
    """Import Keras with its backend, and count the GPUs that it can use."""
    with muted_stderr():
        try:
            import keras  # noqa: F401 - loads it
        except (ImportError, ValueError) as error:
            raise HpoError(f"Keras can't be loaded with {backend()}: {error}") from error
        gpus = gpus_seen()
    return f"{cores()} cores, {gpus or 'no'} GPU"


def _artifacts() -> str:
    """Store a byte, and add up what is stored."""
    from hpo.artifacts import open_artifacts

    artifacts = open_artifacts()
    artifacts.try_out()
    return f"{artifacts.usage() / 1e6:,.1f} MB in {artifacts.place}"


def _database(database: "Database") -> str:
    from sqlalchemy import text

    from hpo.study import study_names

    with database.engine.connect() as connection:
        server = connection.scalar(text("SHOW server_version"))
    return f"PostgreSQL {server} at {database.address}, {len(study_names(database))} studies"


def _data_parts(database: "Database") -> list[Callable[[], str]]:
    from hpo.opening import objective_of
    from hpo.study import load_study, study_names

    def check_data(name: str) -> str:
        stored = load_study(database, name)
        rows = len(objective_of(stored).y)
        start = stored.definition.warm_start
        return f"{name}: {rows:,} rows, the same as when the study was created" + (
            f"; it started from the best {start.top} of {start.study}" if start else ""
        )

    return [partial(check_data, name) for name in study_names(database)]
