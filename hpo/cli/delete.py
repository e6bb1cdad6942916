"""`hpo delete`."""

import sys
from typing import TYPE_CHECKING

import click

from hpo.errors import DefinitionError, HpoError, InputError

if TYPE_CHECKING:
    from hpo.storage.database import Database


@click.command()
@click.argument("study")
@click.option("--yes", is_flag=True, help="Delete it without asking.")
def delete(study: str, yes: bool) -> None:
    """Delete STUDY with all of its trials and their artifacts, once you have confirmed it.

    Its workers drop their trials; its definition file and its data stay.

    \b
    Example:
      hpo delete svm
    """
    from hpo.artifacts import open_artifacts
    from hpo.cli.database import open_database
    from hpo.study import delete as delete_study

    artifacts = open_artifacts()
    with open_database("delete") as database:
        click.echo(_what_goes(database, study), err=True)
        if not yes and not _confirmed():
            raise HpoError(f"{study} is not deleted")
        delete_study(database, study, artifacts)
    click.echo(f"deleted {study}")


def _confirmed() -> bool:
    try:
        return click.confirm("Delete it?", err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise InputError("there is no terminal to confirm it: give --yes") from None


def _what_goes(database: "Database", study: str) -> str:
    from hpo.study import load_study, status

    try:
        found = status(load_study(database, study))
    except DefinitionError as error:  # another version created it, or its model is not here
        return f"{study}, whose status can't be shown: {error}"
    trials = sum(found.counts.values())
    best = (
        f"best {found.best.value:.4f} in trial {found.best.number}" if found.best else "no result"
    )
    running = f", {found.counts['running']} running" if found.counts["running"] else ""
    return f"{found.name} ({found.state}): {trials} trials{running}, {found.steps} steps, {best}"
