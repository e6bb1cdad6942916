"""`hpo worker`."""

import logging
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from hpo.device import limit_gpu_memory, use_one_thread
from hpo.errors import InputError
from hpo.worker.signals import Terminated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hpo.storage.contact import Contact
    from hpo.study import Status
    from hpo.worker.signals import Stop
    from hpo.worker.slots import Slot

T = TypeVar("T")
log = logging.getLogger(__name__)


@click.command()
@click.argument("study", required=False)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes to start, each with one thread.  [default: none, work in this one]",
)
@click.option("--gpus", metavar="all|IDS", help="GPUs to start processes for, as in 0,2.")
@click.option("--per-gpu", type=click.IntRange(min=1), help="Processes on each GPU.  [default: 1]")
@click.option("--with-parent", type=int, hidden=True, help="Stop when this parent process does.")
@click.option("--gpu-memory", type=int, hidden=True, help="MiB of the GPU for this process.")
def worker(
    study: str | None,
    workers: int | None,
    gpus: str | None,
    per_gpu: int | None,
    with_parent: int | None,
    gpu_memory: int | None,
) -> None:
    """Work on STUDY until its budget is spent; without STUDY, on all studies until told to stop.

    Start it on any machine that reaches the database and has the study's data (HPO_DATA is the
    folder where a relative path to it starts). The first SIGTERM or Ctrl-C hands the trial back
    after its current step; the second one stops at once. It waits for a database that is away,
    for at most 10 minutes.

    All studies get turns, trial by trial: those of the highest priority first, then the one that
    has the fewest workers. A study that is created later is taken up within seconds.

    With --workers or --gpus, it starts that many processes and supervises them: one
    that crashes is started again, later each time, until it has crashed six times in quick
    succession. IDS are the numbers of GPUs, their UUIDs, or those of MIG slices, as nvidia-smi
    prints them.

    \b
    Example:
      hpo worker svm
      hpo worker cnn-deep --gpus all --per-gpu 2
    """
    slots = _slots(workers, gpus, per_gpu)
    use_one_thread()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        if slots:
            _supervise(study, slots)
        else:
            if gpu_memory is not None:
                limit_gpu_memory(gpu_memory)
            _work(study, with_parent)
    except Terminated:  # a service that is stopped exits with 0, unless a parent has to tell
        if with_parent is not None:
            raise


def _slots(workers: int | None, gpus: str | None, per_gpu: int | None) -> "Sequence[Slot]":
    """Return the processes to start; none if this one should work itself."""
    from hpo.gpus import chosen, present
    from hpo.worker.slots import gpu_slots, plain_slots

    if gpus is None:
        if per_gpu is not None:
            raise InputError("--per-gpu needs --gpus")
        return plain_slots(workers) if workers else ()
    if workers is not None:
        raise InputError(
            "--workers and --gpus contradict each other: leave out --workers, "
            "or say with --per-gpu how many processes a GPU gets"
        )
    return gpu_slots(chosen(gpus, present()), per_gpu or 1)


def _supervise(study: str | None, slots: "Sequence[Slot]") -> None:
    """Supervise workers in slots until they have ended."""
    from hpo.cli.database import open_database
    from hpo.cli.progress import say_finishing
    from hpo.home import home
    from hpo.storage.retrying import persistently
    from hpo.study import load_study
    from hpo.worker.local import local_workers
    from hpo.worker.signals import LOOK, interrupt_on_stop_signals

    interrupt_on_stop_signals()
    with ExitStack() as stack:  # keeps an embedded server running between two crashes
        database = persistently(lambda: stack.enter_context(open_database("worker")))
        if study:
            persistently(lambda: load_study(database, study))
        logs = home() / "logs" / (study or "")
        with local_workers(study, slots, logs, say_finishing) as started:
            while started.poll():
                time.sleep(LOOK)
        if not started.any_finished:
            raise started.early_end()


def _work(study: str | None, parent: int | None) -> None:
    """Work in this process."""
    from hpo.artifacts import open_artifacts
    from hpo.cli.database import open_database
    from hpo.storage.contact import Contact
    from hpo.study import status
    from hpo.worker.loop import open_service, serve
    from hpo.worker.scratch import remove_left_over
    from hpo.worker.signals import on_stop_signal
    from hpo.worker.turns import Turns

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of each trial's new graph
    logging.getLogger("jax").setLevel(logging.WARNING)  # it lists the devices that are not there
    artifacts = open_artifacts()
    remove_left_over()
    contact = Contact()
    with on_stop_signal(parent) as stop, ExitStack() as stack:
        opened = _wait_for(lambda: stack.enter_context(open_database("worker")), contact, stop)
        database = replace(opened, contact=contact)  # it remembers failed attempts to connect
        open_study = partial(open_service, database, artifacts, stop)
        if study:
            service = _wait_for(partial(open_study, study), contact, stop)
            serve(service)
            if not stop.requested:
                last = _wait_for(lambda: status(service.stored), contact, stop)
                log.info("%s", _why_it_ends(last))
        else:
            Turns(database=database, open_study=open_study, stop=stop).serve()
    if stop.requested:
        raise Terminated if stop.by_sigterm else KeyboardInterrupt


def _wait_for(call: "Callable[[], T]", contact: "Contact", stop: "Stop") -> T:
    """Call a function as soon as the database is not away; contact notes each attempt."""
    from hpo.storage.retrying import persistently

    def once() -> T:
        with contact.asking():
            return call()

    return persistently(once, lambda: stop.requested)


def _why_it_ends(now: "Status") -> str:
    from hpo.cli.show import stopped
    from hpo.study import StudyState

    return stopped(now) if now.state is StudyState.STOPPED else f"{now.name} is {now.state}"
