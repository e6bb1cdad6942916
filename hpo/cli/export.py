"""`hpo export`."""

from pathlib import Path

import click


@click.command()
@click.argument("study")
@click.option("--trial", type=click.IntRange(min=0), help="Its number; default: the best.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: print it.")
def export(study: str, trial: int | None, output: Path | None) -> None:
    """Write a trial of STUDY as a training script that needs neither hpo nor Optuna.

    The script trains the final model, predicts a test file, and with --verify repeats the trial's
    evaluation and compares the value.

    \b
    Example:
      hpo export svm -o train.py && python train.py --data data/digits/train.npy --verify
    """
    from hpo.cli.database import open_database
    from hpo.errors import InputError
    from hpo.export import write_script
    from hpo.study import load

    with open_database("export") as database:
        script = write_script(load(database, study), trial, output.name if output else "train.py")
    if output is None:
        click.echo(script, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(script, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: can't be written: {error.strerror}") from error
    click.echo(output)
