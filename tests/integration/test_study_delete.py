import io

import pytest
from blobs import write_definition
from optuna.artifacts import upload_artifact
from optuna.distributions import FloatDistribution, distribution_to_json
from optuna.trial import TrialState
from sqlalchemy import text

from hpo.artifacts import open_artifacts
from hpo.artifacts.dashboard import OptunaStore
from hpo.errors import LeaseLost, StudyError
from hpo.storage.deletion import OF_STUDIES, OF_TRIALS
from hpo.storage.keys import DEFINITION
from hpo.storage.ownership import Writing
from hpo.study import load_study
from hpo.worker.lease import Leases, Outcome

RATE = distribution_to_json(FloatDistribution(0.1, 0.9))
REPORTS = Writing(reports={1: 0.5}, params={"rate": (0.5, RATE)}, user_attrs={"seed": 1})


@pytest.fixture
def rows_of(database):
    """Return how many rows each table has that a study fills."""

    def count():
        with database.engine.connect() as connection:
            tables = (*OF_TRIALS, *OF_STUDIES)
            return {t: connection.scalar(text(f"SELECT count(*) FROM {t}")) for t in tables}

    return count


@pytest.fixture
def worked(create_study, leases):
    """Create a study with a finished trial and one that runs, whose lease is given."""

    def create(name):
        stored = create_study(name=name)
        ours = leases(stored)
        ours.take().end(Outcome(state=TrialState.COMPLETE, value=0.75), REPORTS)
        runs = ours.take()
        runs.write(REPORTS)
        return runs

    return create


def test_a_study_goes_with_all_that_belongs_to_it_and_nothing_else(hpo, worked, rows_of):
    worked("kept")
    before = rows_of()
    worked("gone")
    for name in ("kept", "gone"):
        open_artifacts().save(name, 0, ".txt", lambda file: file.write(b"text"))
    assert min(rows_of().values()) > 0
    said = hpo("delete", "gone", "--yes")
    assert (said.code, said.out) == (0, "deleted gone\n")
    assert said.err == "gone (running): 2 trials, 1 running, 2 steps, best 0.7500 in trial 0\n"
    assert rows_of() == before
    assert open_artifacts().usage() == 4


def test_what_people_uploaded_goes_with_its_study(hpo, worked, tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"by hand")
    studies = {name: worked(name).stored.study for name in ("kept", "gone")}
    for study in studies.values():
        for place in (study, study.trials[1]):
            upload_artifact(
                artifact_store=OptunaStore(open_artifacts()),
                file_path=str(tmp_path / "notes.txt"),
                study_or_trial=place,
                storage=study._storage,
            )
    odd = studies["gone"].trials[1]._trial_id
    studies["gone"]._storage.set_trial_system_attr(odd, "artifacts:0", "no listing")
    assert hpo("delete", "gone", "--yes").code == 0
    assert open_artifacts().usage() == 2 * len(b"by hand")


def test_nothing_goes_that_is_not_confirmed(hpo, worked, rows_of, monkeypatch):
    worked("kept")
    before = rows_of()
    for answer, code, told in (
        ("n\n", 1, "hpo: kept is not deleted\n"),
        ("\n", 1, "hpo: kept is not deleted\n"),
        ("", 2, "hpo: there is no terminal to confirm it: give --yes\n"),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        said = hpo("delete", "kept")
        assert said.code == code
        assert "Delete it? [y/N]" in said.err
        assert said.err.endswith(told)
    assert rows_of() == before
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert hpo("delete", "kept").code == 0
    assert set(rows_of().values()) == {0}
    assert hpo("status").out.startswith("no studies in postgresql+psycopg2://")


def test_the_worker_of_a_deleted_study_finds_out(hpo, worked, leases):
    runs = worked("gone")
    hpo("delete", "gone", "--yes")
    with pytest.raises(LeaseLost):
        runs.write(REPORTS)
    with pytest.raises(StudyError, match="somebody has deleted it"):
        leases(runs.stored).take()


def test_a_worker_whose_study_is_deleted_just_after_the_take_finds_out(
    hpo, create_study, leases, monkeypatch
):
    ours = leases(create_study(budget={"trials": 2, "steps": 8}))
    take_next = Leases._take_next

    def deleted_then(*given):
        taken = take_next(*given)
        given[2].commit()  # the connection, whose lock ends
        hpo("delete", "blobs", "--yes")
        return taken

    monkeypatch.setattr(Leases, "_take_next", deleted_then)
    with pytest.raises(StudyError, match="somebody has deleted it"):
        ours.take()


def test_a_study_that_is_not_there_is_named(hpo):
    said = hpo("delete", "nobody", "--yes")
    assert (said.code, said.err) == (
        2,
        'hpo: there is no study "nobody"; the database has: none yet\n',
    )


def test_a_study_that_another_version_made_goes_as_well(hpo, create_study, worked, rows_of):
    worked("kept")
    before = rows_of()
    stored = create_study(name="strange")
    stored.study.set_user_attr(DEFINITION, {**stored.study.user_attrs[DEFINITION], "new": 1})
    said = hpo("status")
    assert (said.code, "kept" in said.out, "strange" in said.out) == (0, True, False)
    assert said.err.startswith('hpo: study "strange": unknown key "new"')
    assert hpo("status", "strange").code == 2
    said = hpo("delete", "strange", "--yes")
    assert (said.code, said.out) == (0, "deleted strange\n")
    assert said.err.startswith("strange, whose status can't be shown: ")
    assert rows_of() == before


def test_a_grid_study_is_shown_where_its_model_is_not(hpo, rows, database):
    write_definition(rows.parent, space={"rate": [0.1, 0.2]}, sampler={"name": "grid"})
    hpo("create", "blobs.toml")
    study = load_study(database, "blobs").study
    study.set_user_attr(DEFINITION, study.user_attrs[DEFINITION] | {"model": "gone:M"})
    assert "budget  trials 2" in hpo("status", "blobs").out
