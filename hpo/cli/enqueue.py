"""`hpo enqueue`."""

from pathlib import Path

import click


@click.command()
@click.argument("study")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="Queue a trial for each table [[trials]] in this TOML file.",
)
def enqueue(study: str, values: tuple[str, ...], file: Path | None) -> None:
    """Queue a trial with these VALUES in STUDY; workers take it before they ask for new ones.

    A value is written as in a definition; a text needs no quotes. What is not given is left to the
    sampler. All trials of a file are queued or, where one is wrong, none; those that were queued or
    tried with the same values are left out, so a file that has grown can be queued again.

    \b
    Example:
      hpo enqueue svm kernel=rbf C=100 gamma=0.05
    """
    if bool(values) == bool(file):
        raise click.UsageError("give either NAME=VALUE or --file")
    from hpo.cli.database import open_database
    from hpo.cli.show import show_queued
    from hpo.definition import load_trials, parse_assignments
    from hpo.errors import StudyError
    from hpo.study import enqueue as enqueue_all

    given = load_trials(file) if file else [parse_assignments(values, f'study "{study}"')]
    with open_database("enqueue") as database:
        queued = enqueue_all(database, study, given)
    if not (file or queued[0].is_new):
        raise StudyError(
            f'trial {queued[0].number} of the study "{study}" has these values already'
        )
    for one in queued:
        show_queued(one)
