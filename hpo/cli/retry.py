"""`hpo retry`."""

import click


@click.command()
@click.argument("study")
@click.argument("trials", nargs=-1, type=click.IntRange(min=0), metavar="[TRIAL]...")
@click.option("--failed", is_flag=True, help="Try all failed trials again.")
def retry(study: str, trials: tuple[int, ...], failed: bool) -> None:
    """Queue failed TRIALs of STUDY again, by their numbers, or all of them with --failed.

    A new trial has the same values and takes the place of the failed one in the budget. Use it when
    the cause of the failure, such as a bug in the model's code, is fixed. Trials whose workers died
    are resumed without it.

    \b
    Example:
      hpo retry svm --failed
    """
    if bool(trials) == failed:
        raise click.UsageError("give either numbers of trials or --failed")
    from hpo.cli.database import open_database
    from hpo.cli.show import show_queued
    from hpo.study import Want, control_of, load_study
    from hpo.study import retry as queue_again

    with open_database("retry") as database:
        queued = queue_again(database, study, trials or None)
        want = control_of(load_study(database, study)).want
    for one in queued:
        show_queued(one)
    if not queued:
        click.echo(f"{study}: no trial has failed", err=True)
    elif want is not Want.RUN:
        click.echo(f"{study} was told to {want}: they wait for `hpo resume {study}`", err=True)
