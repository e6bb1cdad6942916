"""`hpo pause`, `hpo resume`, `hpo stop` and `hpo cancel`."""

import click


def _command(name: str, want: str, does: str) -> click.Command:
    @click.command(name, help=f"{does}\n\n\b\nExample:\n  hpo {name} svm")
    @click.argument("study")
    def command(study: str) -> None:
        from hpo.cli.database import open_database
        from hpo.study import Want, set_control

        with open_database("control") as database:
            before = set_control(database, study, Want(want))
        click.echo(f"{study}: {want}, was {before.want}")

    return command


pause = _command(
    "pause",
    "pause",
    "Pause STUDY: all workers hand back its trials after their current steps, and wait.",
)
resume = _command(
    "resume",
    "run",
    "Resume STUDY after a pause, stop or cancel; start workers again if they have left.",
)
stop = _command(
    "stop",
    "stop",
    "Stop STUDY: no more trials begin, running ones go on to their ends, then its workers leave.",
)
cancel = _command(
    "cancel",
    "cancel",
    "Cancel STUDY: running trials end after their current steps, as pruned, and its workers leave.",
)
