"""One worker on all studies: whose trial it runs next."""

import gc
import logging
from weakref import ref

import pytest
from optuna.trial import TrialState

from hpo.artifacts import open_artifacts
from hpo.errors import ArtifactError, DatabaseAway, DataError
from hpo.opening import objective_of
from hpo.storage.keys import CHECKPOINT
from hpo.storage.ownership import Writing
from hpo.study import Want, load_study, set_control
from hpo.worker import loop, turns
from hpo.worker.lease import Outcome
from hpo.worker.loop import open_service, prepare_service
from hpo.worker.mishaps import SickMachine
from hpo.worker.signals import Stop
from hpo.worker.turns import Turns


@pytest.fixture
def serve(database, monkeypatch):
    """Work on all studies until a number of trials were run; give their studies in order."""
    monkeypatch.setattr(loop, "IDLE", 0.01)

    def serve_all(count, meanwhile=lambda _order: None, refuse=(), away=(), broken=()):
        stop, order, outages = Stop(), [], [*away]
        run_trial = loop.run_trial

        def noting(lease, *rest):
            run_trial(lease, *rest)
            order.append(lease.stored.definition.name)
            meanwhile(order)
            if len(order) == count:
                stop.request()

        def open_study(name):
            if name in broken:
                raise PermissionError("closed")
            if name in refuse:
                raise DataError("rows.npy", "can't be read")
            if outages:
                raise outages.pop()
            stored = load_study(database, name)
            return prepare_service(stored, objective_of(stored), open_artifacts(), stop)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "run_trial", noting)
            Turns(database=database, open_study=open_study, stop=stop).serve()
        return order

    return serve_all


def test_studies_get_turns(create_study, serve):
    for name in "ab":
        create_study(name=name)
    assert serve(6) == ["a", "b", "a", "b", "a", "b"]


def test_the_log_says_whose_trials_it_tells_of(create_study, serve, caplog):
    create_study(name="usual", budget={"trials": 1})
    create_study(name="urgent", priority=1, budget={"trials": 2})
    with caplog.at_level(logging.INFO):
        serve(3)
    begun = [m for m in caplog.messages if "turn" in m or ("trial" in m and "rate" in m)]
    assert begun[0] == 'the study "urgent" has its turn'
    assert [m.partition(":")[0] for m in begun[1:]] == [
        "trial 0",
        "trial 1",
        'the study "usual" has its turn',
        "trial 0",
    ]


def test_the_highest_priority_comes_first(create_study, serve):
    create_study(name="usual")
    create_study(name="urgent", priority=1)
    assert serve(5) == ["urgent"] * 3 + ["usual"] * 2


def test_a_study_with_fewer_workers_comes_first(create_study, leases, serve):
    stored = create_study(name="busy")
    create_study(name="idle")
    for worker in range(2):
        leases(stored, f"other {worker}").take()
    assert serve(4) == ["idle"] * 3 + ["busy"]


def test_a_study_that_comes_later_is_taken_up(create_study, serve):
    create_study(name="first", budget={"trials": 1})

    def meanwhile(order):
        if order == ["first"]:
            create_study(name="second")

    assert serve(2, meanwhile) == ["first", "second"]


def test_a_finished_study_goes_on_when_its_budget_is_raised(create_study, serve):
    create_study(name="raised", budget={"trials": 1})
    create_study(name="other", budget={"trials": 2})

    def meanwhile(order):
        if len(order) == 3:
            create_study(name="raised", budget={"trials": 2})

    assert serve(4, meanwhile) == ["raised", "other", "other", "raised"]


def test_paused_and_stopped_studies_are_left_alone(database, create_study, serve):
    for name, want in {"paused": Want.PAUSE, "stopped": Want.STOP, "runs": Want.RUN}.items():
        create_study(name=name)
        set_control(database, name, want)
    assert serve(3) == ["runs"] * 3


def test_what_is_kept_of_a_trial_that_somebody_ends_goes_with_its_study(
    database, create_study, leases, serve
):
    lease = leases(create_study(name="ended", priority=1, budget={"trials": 1})).take()
    kept = open_artifacts().save_checkpoint("ended", 0, ".npz", lambda file: file.write(b"weights"))
    lease.write(Writing(system_attrs={CHECKPOINT: {"fold": 0, "artifact": kept}}))
    database.storage.set_trial_state_values(lease.trial._trial_id, TrialState.FAIL)
    create_study(name="other")
    assert serve(1) == ["other"]
    with pytest.raises(ArtifactError):
        open_artifacts().open(kept)


def test_what_cannot_be_worked_on_here_stops_no_other_study(create_study, serve, caplog):
    create_study(name="elsewhere", priority=9)
    create_study(name="here")
    assert serve(3, refuse=("elsewhere",)) == ["here"] * 3
    said = [r.message for r in caplog.records if r.name == "hpo.worker.turns"]
    assert said == ['the study "elsewhere" is left out here for a while: rows.npy: can\'t be read']


def test_a_study_that_no_one_foresaw_stops_no_other_one(create_study, serve, caplog):
    create_study(name="odd", priority=9)
    create_study(name="here")
    assert serve(3, broken=("odd",)) == ["here"] * 3
    told = [record for record in caplog.records if record.name == "hpo.worker.turns"]
    assert told[0].exc_info is not None
    assert told[1].message == (
        'the study "odd" is left out here for a while: PermissionError: closed'
    )


def test_a_study_that_is_deleted_stops_no_other_one(database, create_study, serve):
    create_study(name="deleted")
    other = create_study(name="other")

    def meanwhile(order):
        if order == ["deleted"]:
            database.storage.delete_study(database.storage.get_study_id_from_name("deleted"))

    assert serve(4, meanwhile) == ["deleted", "other", "other", "other"]
    assert all(trial.state is TrialState.COMPLETE for trial in other.study.trials)


def test_a_database_that_goes_away_while_a_study_is_opened_is_waited_for(create_study, serve):
    create_study(name="a")
    assert serve(1, away=[DatabaseAway("it is away")]) == ["a"]


def test_a_study_that_fails_on_this_machine_alone_is_left_out_for_good(
    create_study, serve, monkeypatch
):
    monkeypatch.setattr(turns, "LEFT_OUT", 0.0)
    create_study(name="a", priority=1)
    create_study(name="b")

    def break_down(order):
        if order == ["a"]:
            raise SickMachine("mend it")

    assert serve(3, break_down) == ["a", "b", "b"]


def test_the_trials_of_a_study_that_was_left_are_not_kept_in_memory(database, create_study, leases):
    ours = leases(create_study())
    ours.take().end(Outcome(state=TrialState.WAITING))
    service = open_service(database, open_artifacts(), Stop(), "blobs")
    (waiting,) = service.stored.study.get_trials(deepcopy=False)
    kept = ref(waiting)
    del waiting, service
    gc.collect()
    assert kept() is None
