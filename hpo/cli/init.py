"""`hpo init`."""

import click


@click.command()
def init() -> None:
    """Create the tables in the database, unless they exist.

    Run it once for a database of your own, before the first worker. The embedded database does not
    need it.

    \b
    Example:
      HPO_DATABASE_URL=postgresql://hpo@db.example/hpo hpo init
    """
    from hpo.cli.database import open_database

    with open_database("init", create=True) as database:
        click.echo(f"ready: {database.address}")
