"""`hpo dashboard`."""

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from hpo.device import use_one_thread

if TYPE_CHECKING:
    from hpo.dashboard.access import Access
    from hpo.dashboard.serving import Server
    from hpo.storage.database import Database

PORT = 8080


@click.command()
@click.argument("study", required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Port to listen on; 0 is any that is free.",
)
@click.option("--admin", is_flag=True, help="Also let the editor delete, end and upload.")
@click.option("--any-port", is_flag=True, hidden=True, help="Take another port if this is taken.")
@click.option("--with-parent", type=int, hidden=True, help="Stop when this parent process does.")
def dashboard(
    study: str | None,
    host: str,
    port: int,
    admin: bool,
    any_port: bool,
    with_parent: int | None,
) -> None:
    """Serve all studies to a browser; prints the link to STUDY, or to all.

    Without passwords it serves this machine alone, read only. These variables name files, with
    one line of at least 12 characters each:

    \b
      HPO_DASHBOARD_PASSWORD_FILE         the password of the user "viewer", who reads
      HPO_DASHBOARD_EDITOR_PASSWORD_FILE  that of "editor", who writes notes as well
      HPO_DASHBOARD_TOKEN_FILE            a token for programs, which read ("Bearer ...")

    Passwords are sent unencrypted: to serve other machines, put a proxy with TLS in front.
    /healthz needs no password, and says whether the database answers.

    \b
    Example:
      hpo dashboard svm
    """
    from hpo.dashboard.access import Access
    from hpo.worker.signals import interrupt_on_stop_signals

    interrupt_on_stop_signals()
    access = Access.from_environment(host, admin=admin)
    use_one_thread()
    from hpo.cli.database import open_database
    from hpo.dashboard.application import read_ahead
    from hpo.dashboard.serving import end_with

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    if with_parent is not None:
        end_with(with_parent)
    with open_database("dashboard") as database:
        path = _path_of(database, study)
        server = _listen(database, access, host, port, any_port=any_port)
        read_ahead(database, study)
        with suppress(KeyboardInterrupt):  # the usual way to end it
            click.echo(f"{server.url}{path}")
            server.run()


def _path_of(database: "Database", study: str | None) -> str:
    """Return the dashboard's path of a study, or of all."""
    from hpo.study import load_study

    if study is None:
        return "/dashboard"
    return f"/dashboard/studies/{load_study(database, study).study_id}"


def _listen(
    database: "Database", access: "Access", host: str, port: int, *, any_port: bool
) -> "Server":
    from hpo.artifacts import open_artifacts
    from hpo.dashboard.application import application
    from hpo.dashboard.serving import PortInUse, listen

    pages = application(database, open_artifacts(), access, host)
    try:
        return listen(pages, host, port, uploads=access.editor_is_admin)
    except PortInUse:
        if not any_port:
            raise
        return listen(pages, host, 0, uploads=access.editor_is_admin)
