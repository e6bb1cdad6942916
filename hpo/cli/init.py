"""`hpo init`."""

import click


@click.command()
def init() -> None:
    """Create the tables in the database; nothing happens where they are.

    Run it once for a database of your own, before the first worker; the embedded one does it by
    itself.

    \b
    Example:
      HPO_DATABASE_URL=postgresql://hpo@db.example/hpo hpo init
    """
    from hpo.cli.database import open_database

    with open_database("init", create=True) as database:
        click.echo(f"ready: {database.address}")
