"""`hpo create`."""

from pathlib import Path

import click

from hpo.device import use_one_thread


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def create(file: Path) -> None:
    """Store the study that FILE defines, to be worked on by `hpo worker`.

    A stored study is kept: only its budget and its priority are updated from FILE. A file that
    differs in anything else is refused.

    \b
    Example:
      hpo create studies/svm.toml
    """
    use_one_thread()
    from hpo.cli.database import open_database
    from hpo.cli.studies import create_study
    from hpo.worker.signals import interrupt_on_stop_signals

    interrupt_on_stop_signals()  # pretraining may take long; interrupted, it leaves no partial file
    with open_database("create", create=True) as database:
        stored = create_study(database, file)
        click.echo(stored.definition.name)
