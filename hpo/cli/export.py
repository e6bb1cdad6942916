"""`hpo export`."""

from contextlib import suppress
from pathlib import Path
from shutil import SameFileError, copyfile

import click


@click.command()
@click.argument("study")
@click.option("--trial", type=click.IntRange(min=0), help="Its number; default: the best.")
@click.option("--top", type=click.IntRange(min=2), help="Average this many of the best trials.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: print it.")
def export(study: str, trial: int | None, top: int | None, output: Path | None) -> None:
    """Write a trial of STUDY as a training script that needs neither hpo nor Optuna.

    The script trains the final model, predicts a test file, and with --verify repeats the trial's
    evaluation and compares the value. With --top it trains several models and averages their
    predictions. Pretrained weights are copied to the script's folder.

    \b
    Example:
      hpo export svm -o train.py && python train.py --data data/digits/train.npy --verify
      hpo export cnn-deep --top 5 -o ensemble.py
    """
    from hpo.cli.database import open_database
    from hpo.errors import InputError
    from hpo.export import best, chosen, write_script
    from hpo.opening import weights_of
    from hpo.study import load_study

    if trial is not None and top is not None:
        raise InputError("--trial and --top contradict each other; leave one of them out")
    with open_database("export") as database:
        stored = load_study(database, study)
        trials = best(stored, top or 1) if trial is None else chosen(stored, trial)
        script = write_script(stored, trials, output.name if output else "train.py")
    if output is None:
        click.echo(script, nl=False)
        return
    weights = weights_of(stored)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(script, encoding="utf-8")
        if weights:
            with suppress(SameFileError):  # the script is written beside the pretraining rows
                copyfile(weights, output.with_name(weights.name))
    except OSError as error:
        raise InputError(f"{output}: can't be written: {error.strerror}") from error
    click.echo(output)
