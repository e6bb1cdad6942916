"""The command line: parse, call, print. Results go to stdout, messages to stderr."""

import gc
import sys
from importlib import import_module

import click

from hpo import __version__
from hpo.errors import INTERRUPTED, HpoError

# The commands with their summaries. A command's module is imported when it is called, so that
# `hpo --help` does not wait for libraries that it does not need.
COMMANDS = {
    "init": "Create the tables in the database.",
    "data": "Make noisy digits, or check a file of rows.",
    "create": "Store a study, to be worked on by `hpo worker`.",
    "enqueue": "Queue trials with given values in a stored study.",
    "run": "Create a study and run it with workers on this machine.",
    "worker": "Run trials of a stored study, or of all of them.",
    "pause": "Pause a study: its workers hand back their trials and wait.",
    "resume": "Resume a study after a pause, stop or cancel.",
    "stop": "Stop a study: its workers begin no more trials.",
    "cancel": "Cancel a study: its running trials end as pruned.",
    "retry": "Queue failed trials of a study again.",
    "delete": "Delete a study with its trials and their artifacts.",
    "status": "Show one study, or all of them.",
    "dashboard": "Serve studies to a browser.",
    "export": "Write a trial as a stand-alone training script.",
    "check": "Check the database, the data, the device and the versions.",
}

# New objects between two garbage collections. Imports create hundreds of thousands of objects that
# stay: with Python's default, collections would delay the start of each command.
GC_THRESHOLD = 50_000

# The modules of commands that are not called like their module.
MODULES = dict.fromkeys(("pause", "resume", "stop", "cancel"), "control")


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"hpo.cli.{MODULES.get(cmd_name, cmd_name)}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hpo")
def cli() -> None:
    """Search hyperparameters with many workers on one study, and keep the best as a script.

    The database is HPO_DATABASE_URL, or else an embedded Postgres under HPO_HOME, by default the
    user's folder for data: ~/.local/share/hpo, on a Mac ~/Library/Application Support/hpo.

    \b
    Example:
      hpo run studies/smoke.toml --workers 2
    """


def main() -> None:
    """Run the command line; the exit code is 0, 1 (failed), 2 (bad input) or 130 (interrupted)."""
    gc.set_threshold(GC_THRESHOLD)
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("hpo: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except HpoError as error:
        click.echo(f"hpo: {error}", err=True)
        sys.exit(error.exit_code)
