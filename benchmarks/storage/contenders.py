"""What a worker does from its first question for a trial until it is told to stop.

Each contender is opened once, before the processes of its workers come into being: the study's
finished trials are read then, and each process finds them in its memory.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import optuna
from meter import METER, Over
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import Trial
from seeding import STEPS, STUDY, plain
from sqlalchemy import URL

from hpo.artifacts import open_artifacts
from hpo.definition.schema import ASHA, Median, NoPruning
from hpo.objective import Objective
from hpo.opening import import_code, objective_of
from hpo.storage.database import open_storage
from hpo.study import load_study, trials_of
from hpo.worker import climber
from hpo.worker.loop import Service, prepare_service, serve
from hpo.worker.signals import Stop

# The pruners that are asked; all trials are alike, so none of them prunes.
SETTINGS: dict[str, NoPruning | Median | ASHA] = {
    "none": NoPruning(name="none"),
    "median": Median(name="median"),
    "asha": ASHA(name="asha"),
}
OPTUNAS: dict[str, BasePruner] = {
    "none": NopPruner(),
    "median": MedianPruner(),
    "asha": SuccessiveHalvingPruner(min_resource=3, reduction_factor=3),
}

Work = Callable[[], None]
"""Works until the meter says that it is over; to be called in a process of its own."""


@contextmanager
def hpo(url: URL, pruner: str, batch: float = climber.BATCH) -> Iterator[Work]:
    """Yield the loop of `hpo worker`; batch is how many seconds of steps are written together."""
    with open_storage(application_name="worker", url=plain(url)) as database:
        stored = load_study(database, STUDY)
        definition = stored.definition.model_copy(update={"pruner": SETTINGS[pruner]})
        stored = replace(stored, definition=definition)
        objective, artifacts = _empty(objective_of(stored)), open_artifacts()
        import_code(objective.model)
        trials_of(stored)

        def work() -> None:
            database.engine.dispose(close=False)  # the parent's connections
            climber.BATCH = batch
            with suppress(Over):
                serve(_Metered(**vars(prepare_service(stored, objective, artifacts, Stop()))))

        yield work


@dataclass(frozen=True, kw_only=True)
class _Metered(Service):
    """Tells the meter of each trial that ended."""

    def run_next(self, on_taken: Callable[[], object] = lambda: None) -> bool:
        ran = super().run_next(on_taken)
        if ran:
            METER.told()
        return ran


def _empty(objective: Objective) -> Objective:
    """Leave out the metric: what a step's value costs is not the storage's."""
    return replace(objective, metric=lambda _y, _predicted: 0.5)


@contextmanager
def each_step(url: URL, pruner: str) -> Iterator[Work]:
    """Yield the loop of `hpo worker` with every step written as it is reported."""
    with hpo(url, pruner, batch=0.0) as work:
        yield work


@contextmanager
def optimize(url: URL, pruner: str) -> Iterator[Work]:
    """Yield `study.optimize` as Optuna's documentation advises it for many processes."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = RDBStorage(
        plain(url),
        engine_kwargs={"pool_pre_ping": True},
        heartbeat_interval=60,
        grace_period=120,
        skip_table_creation=True,
    )
    study = optuna.load_study(study_name=STUDY, storage=storage, pruner=OPTUNAS[pruner])
    study.get_trials(deepcopy=False)

    def work() -> None:
        storage.engine.dispose(close=False)
        study.sampler = RandomSampler()
        with suppress(Over):
            study.optimize(_objective, callbacks=[_told])

    try:
        yield work
    finally:
        storage.engine.dispose()


def _objective(one: Trial) -> float:
    """Search the space of the empty study, and report its steps."""
    one.suggest_float("width", 0.0, 1.0)
    one.suggest_int("depth", 1, 100)
    one.suggest_float("rate", 0.0001, 0.1, log=True)
    one.suggest_categorical("kind", ["one", "other"])
    METER.asked()
    for step in range(METER.first_step, STEPS + 1):
        with METER.report():
            one.report(0.5, step)
            if one.should_prune():
                raise optuna.TrialPruned
    METER.evaluated()
    return 0.5


def _told(*_: object) -> None:
    METER.told()


CONTENDERS = {"optimize": optimize, "hpo": hpo, "hpo, each step": each_step}
