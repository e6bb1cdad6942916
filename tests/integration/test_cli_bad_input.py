"""Bad input: one line that says what to do, exit code 2, and nothing half-written."""

import re
import shutil

import numpy as np
import pytest
from blobs import DEFINITION, write_definition, write_rows
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from sqlalchemy import MetaData, select

from hpo.storage.keys import ORIGIN
from hpo.study import load_study

# What is tried in a folder that holds the definition and the rows of a stored study whose trial 0
# was pruned, and another whose budget is spent: the command, how it ends, and what it says.
TRIED = {
    "a definition that is not there": ("create no.toml", 2, "no.toml: there is no such file"),
    "a definition that is no TOML": ("create blobs.npy", 2, "blobs.npy: "),
    "a folder as definition": ("create .", 2, r"\.: can't be read"),
    "an unknown key": ("create unknown-key.toml", 2, r'unknown-key.toml: unknown key "epochs"'),
    "an unknown model": ("create unknown-model.toml", 2, r'unknown-model.toml: model: "tree"'),
    "a model that can't be imported": ("create no-module.toml", 2, "no-module.toml: model: no:M"),
    "an unknown parameter": ("create no-parameter.toml", 2, r"no-parameter.toml: space.C: "),
    "too few steps": (
        "create few-steps.toml",
        2,
        "few-steps.toml: budget.steps: 3 steps are too few",
    ),
    "data that is not there": ("create no-data.toml", 2, r"/no-data.npy: can't be read: No such"),
    "data with a hole": ("create hole.toml", 2, r"/hole.npy: row 4, column 2: nan is not"),
    "too few rows of a class": ("create folds.toml", 2, r"/blobs.npy: class 0 has 20 rows"),
    "another definition": ("create changed/blobs.toml", 2, r"changed/blobs.toml: seed: 7 differs"),
    "running another one": ("run changed/blobs.toml", 2, r"changed/blobs.toml: seed: 7 differs"),
    "other data": ("create other/blobs.toml", 2, r"other/blobs.toml: data.train: these rows"),
    "an unknown study to show": (
        "status nobody",
        2,
        'there is no study "nobody"; the database has: ',
    ),
    "an unknown study to work on": ("worker nobody", 2, 'there is no study "nobody"'),
    "an unknown study to export": ("export nobody", 2, 'there is no study "nobody"'),
    "no trial to export": ("export blobs", 2, 'the study "blobs" has no trial yet'),
    "a pruned trial to export": ("export blobs --trial 0", 2, "trial 0 .* is pruned"),
    "a trial that is not there": ("export blobs --trial 9", 2, "has no trial 9; it has 1, from 0"),
    "rows that are not there": ("data check no.npy", 2, "no.npy: can't be read: No such file"),
    "rows with a hole": ("data check hole.npy", 2, "hole.npy: row 4, column 2: nan is not"),
}

# The same for what starts from another study, and for what is queued; all of it ends with 2.
STAGES = {
    "create warm-text.toml": r"warm-text.toml: warm_start: 'blobs' is not a table",
    "create warm-nobody.toml": r'warm-nobody.toml: warm_start.study: there is no study "nobody"',
    "create warm-self.toml": r'warm_start.study: "warm-self" is this study itself',
    "create warm-early.toml": r'"blobs" has no complete trial yet',
    "run warm-model.toml": r"searches the model centroid:STEPWISE, not centroid:SAMPLED",
    "run warm-worse.toml": r"to maximize accuracy, this one to minimize error_rate",
    "create warm/blobs.toml": r"warm_start: \{ study = .* differs from nothing in the stored",
    "enqueue nobody rate=0.5": r'there is no study "nobody"; the database has: blobs, spent',
    "enqueue blobs rate": r'study "blobs": "rate" is not a value; write name=value',
    "enqueue blobs rate=0.5 rate=0.6": r"rate=0.6: rate is given twice",
    "enqueue blobs c=1": r"c = 1: the model has no such parameter; it has rate, epochs, pause",
    "enqueue blobs epochs=4": r"epochs = 4: this study does not search it: it is fixed at 4",
    "enqueue blobs pause=1": r"pause = 1: this study does not search it: it is always 0\.0",
    "enqueue blobs rate=0.95": r"rate = 0.95: is not in the .* \{ low = 0.1, high = 0.9 \}",
    "enqueue blobs rate=nan": r"rate = nan: nan is neither a finite number",
    "enqueue blobs rate=fast": r'rate = "fast": is not allowed; it must be a number',
    "enqueue blobs rate=[0.5]": r"rate = \[0.5\]: \[0.5\] is neither a finite number",
    "enqueue blobs rate=0.25": r'trial 0 of the study "blobs" has these values already',
    "enqueue spent rate=0.5": r'"spent", \{ trials = 1 \}, is spent: raise it in the study\'s file',
    "enqueue blobs --file no.toml": r"no.toml: there is no such file",
    "enqueue blobs --file blobs.toml": r'blobs.toml: unknown key "name"; allowed here: trials',
    "enqueue blobs --file many.toml": r"has room for 2 more, not for 3: nothing was queued",
    "enqueue blobs --file one.toml": r"one.toml: \[\[trials\]\] 2: rate = 0.95: is not in the",
}

FILES = {
    "unknown-key": {"epochs": 3},
    "unknown-model": {"model": "tree"},
    "no-module": {"model": "no:MODEL"},
    "no-parameter": {"space": {**DEFINITION["space"], "C": [1.0, 2.0]}},
    "few-steps": {"budget": {"steps": 3}},
    "no-data": {"data": {"train": "no-data.npy"}},
    "hole": {"data": {"train": "hole.npy"}},
    "folds": {"evaluation": {"folds": 21}},
    "warm-text": {"warm_start": "blobs"},
    "warm-nobody": {"warm_start": {"study": "nobody"}},
    "warm-self": {"warm_start": {"study": "warm-self"}},
    "warm-early": {"warm_start": {"study": "blobs"}},
    "warm-model": {
        "model": "centroid:SAMPLED",
        "space": {"shrinkage": [0.1, 0.2]},
        "fixed": {},
        "warm_start": {"study": "spent"},
    },
    "warm-worse": {
        "evaluation": {"holdout": 0.5, "metric": "error_rate"},
        "warm_start": {"study": "spent"},
    },
}


@pytest.fixture
def folder(tmp_path, create_study):
    stored = create_study()
    add_trial(stored, TrialState.PRUNED)
    add_trial(create_study(name="spent", budget={"trials": 1}), TrialState.COMPLETE, 0.5)
    write_definition(tmp_path)
    (tmp_path / "many.toml").write_text(("[[trials]]\nrate = 0.{}\n" * 3).format(3, 4, 5))
    (tmp_path / "one.toml").write_text("[[trials]]\nrate = 0.3\n[[trials]]\nrate = 0.95\n")
    for name, changes in FILES.items():
        write_definition(tmp_path, name=name, **changes)
    holed = np.load(tmp_path / "blobs.npy")
    holed[3, 1] = np.nan
    np.save(tmp_path / "hole.npy", holed)
    for name in ("changed", "other", "warm"):
        (tmp_path / name).mkdir()
    write_definition(tmp_path / "changed", seed=7)
    write_definition(tmp_path / "warm", warm_start={"study": "spent"})
    for name in ("changed", "warm"):
        shutil.copy(tmp_path / "blobs.npy", tmp_path / name)
    write_definition(tmp_path / "other")
    write_rows(tmp_path / "other", seed=7)
    return tmp_path


def add_trial(stored, state, value=None):
    found = {"params": {"rate": 0.25}, "distributions": {"rate": FloatDistribution(0.1, 0.9)}}
    stored.study.add_trial(create_trial(state=state, value=value, **found))


@pytest.fixture
def content(database):
    """Return all that is stored."""

    def read():
        tables = MetaData()
        tables.reflect(database.engine)
        with database.engine.connect() as connection:
            return {
                name: sorted(map(str, connection.execute(select(table))))
                for name, table in tables.tables.items()
            }

    return read


@pytest.fixture
def refused(hpo):
    """Call a command that must end with one line."""

    def call(*arguments):
        said = hpo(*arguments)
        assert said.out == ""
        assert re.fullmatch(r"hpo: [^\n]+\n", said.err), said.err
        return said.code, said.err[5:-1]

    return call


@pytest.mark.usefixtures("folder")
def test_bad_input_is_refused_in_one_line_and_changes_nothing(refused, content):
    before = content()
    for what, (command, code, message) in TRIED.items():
        ended, said = refused(*command.split())
        assert (what, ended) == (what, code)
        assert re.search(message, said), f"{what}: {said}"
        assert content() == before, what


@pytest.mark.usefixtures("folder")
def test_bad_stages_are_refused_in_one_line_and_change_nothing(refused, content):
    before = content()
    for command, message in STAGES.items():
        ended, said = refused(*command.split())
        assert (command, ended) == (command, 2)
        assert re.search(message, said), f"{command}: {said}"
        assert content() == before, command


USAGES = [
    "run blobs.toml --workers 0",
    "nonsense",
    "run",
    "create",
    "export blobs --trial -1",
    "data check blobs.npy --shape -8,-8,1",
    "enqueue",
    "enqueue blobs",
    "enqueue blobs rate=0.5 --file many.toml",
]


@pytest.mark.parametrize("command", USAGES)
def test_a_wrong_usage_is_explained(hpo, command):
    said = hpo(*command.split())
    assert said.code == 2
    assert said.out == ""
    assert "Usage: " in said.err
    assert "Error: " in said.err


def test_no_command_shows_the_commands(hpo):
    said = hpo()
    assert said.code == 2
    assert "Commands:" in said.out + said.err


URLS = {
    "sqlite:///hpo.db": (2, "sqlite is not supported: write it as postgresql://"),
    "nonsense": (2, "not a database URL: write it as postgresql://"),
    "postgresql://user:secret@127.0.0.1:1/hpo": (1, "Connection refused.*start the server"),
    "postgresql://user:secret@nowhere.invalid/hpo": (1, "nowhere.invalid"),
}


@pytest.mark.parametrize("url", URLS)
def test_a_wrong_database_url_is_refused(refused, monkeypatch, url):
    monkeypatch.setenv("HPO_DATABASE_URL", url)
    expected, message = URLS[url]
    for command in ("status", "init"):
        code, said = refused(command)
        assert code == expected
        assert re.search(message, said)
        assert "secret" not in said


@pytest.mark.parametrize(
    "command", ["status", "status blobs", "worker", "export blobs", "enqueue blobs rate=0.5"]
)
def test_a_database_without_tables_asks_for_init(refused, monkeypatch, empty_database_url, command):
    monkeypatch.setenv("HPO_DATABASE_URL", empty_database_url)
    assert refused(*command.split()) == (1, "the database has no hpo tables: run `hpo init` first")


def test_init_makes_the_tables(hpo, monkeypatch, empty_database_url):
    monkeypatch.setenv("HPO_DATABASE_URL", empty_database_url)
    for _ in range(2):
        said = hpo("init")
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith("ready: postgresql+psycopg2://")
    assert hpo("status", "--json").out == "[]\n"


def test_a_worker_with_other_rows_refuses_to_run(folder, refused, content):
    write_rows(folder, seed=7)
    before = content()
    code, said = refused("worker", "blobs")
    assert code == 2
    assert "blobs.npy: holds other rows than the study" in said
    assert "set HPO_DATA to its folder" in said
    assert content() == before


def test_a_worker_without_its_rows_says_how_to_name_their_folder(folder, refused):
    (folder / "blobs.npy").unlink()
    code, said = refused("worker", "blobs")
    assert code == 2
    assert f'{folder / "blobs.npy"}: is missing, and the study "blobs" needs it' in said
    assert "set HPO_DATA to the folder that it is in" in said


@pytest.mark.usefixtures("folder")
def test_a_worker_whose_rows_can_not_be_reached_says_so(refused, monkeypatch):
    monkeypatch.setenv("HPO_DATA", "/" + "x" * 300)
    code, said = refused("worker", "blobs")
    assert code == 2
    assert said.endswith("/blobs.npy: can't be reached: File name too long")


@pytest.mark.usefixtures("folder")
def test_artifacts_in_a_place_that_can_not_be_reached_are_refused(refused, monkeypatch):
    for place in ("/" + "x" * 300, "~no-such-user/artifacts"):
        monkeypatch.setenv("HPO_ARTIFACTS", place)
        code, said = refused("worker", "blobs")
        assert code == 2
        assert said.startswith(f"HPO_ARTIFACTS: {place} can't be used: ")


def test_a_trial_of_too_many_steps_is_refused(folder, refused):
    write_definition(folder, name="endless", fixed={"epochs": 10_000_000})
    code, said = refused("create", "endless.toml")
    assert code == 2
    assert said == "endless.toml: epochs: makes trials of more than 1,000,000 steps"


@pytest.mark.usefixtures("folder")
def test_a_study_of_another_version_is_named(hpo, database):
    study = load_study(database, "blobs").study
    older = {key: value for key, value in study.user_attrs[ORIGIN].items() if key != "steps"}
    study.set_user_attr(ORIGIN, older)
    said = hpo("worker", "blobs")
    assert (said.code, said.err) == (2, 'hpo: study "blobs": another version of hpo created it\n')
    assert hpo("delete", "blobs", "--yes").code == 0


def test_a_worker_finds_its_rows_in_another_folder(folder, hpo, monkeypatch, tmp_path):
    (tmp_path / "moved").mkdir()
    (folder / "blobs.npy").rename(tmp_path / "moved" / "blobs.npy")
    assert hpo("worker", "blobs").code == 2
    monkeypatch.setenv("HPO_DATA", str(tmp_path / "moved"))
    assert hpo("worker", "blobs").code == 0


def write_model(folder, training):
    """Write a definition of a model whose training code is a module of that name."""
    (folder / f"my_{training}.py").write_text(
        "from centroid import STEPWISE\n"
        "from dataclasses import replace\n"
        f"MODEL = replace(STEPWISE, training={training!r})\n"
    )
    write_definition(folder, name="mine", model=f"my_{training}:MODEL")


def test_training_code_that_is_not_there_is_refused(folder, refused, content):
    write_model(folder, "not_there")
    before = content()
    code, said = refused("create", "mine.toml")
    assert code == 2
    assert "not_there" in said
    assert content() == before


def test_training_code_that_can_not_be_imported_is_named(folder, hpo, refused):
    write_model(folder, "half_there")
    (folder / "half_there.py").write_text("import not_there\n")
    assert hpo("create", "mine.toml").code == 0
    assert refused("worker", "mine") == (
        2,
        "half_there can't be imported: No module named 'not_there'",
    )


@pytest.mark.usefixtures("folder")
def test_a_file_that_can_not_be_written_is_named(hpo, refused):
    hpo("worker", "blobs")
    code, said = refused("export", "blobs", "-o", "blobs.npy/train.py")
    assert code == 2
    assert said.startswith("blobs.npy/train.py: can't be written: ")


def test_logs_that_can_not_be_written_are_named(folder, refused, monkeypatch):
    monkeypatch.setenv("HPO_HOME", str(folder / "blobs.npy"))
    code, said = refused("run", "blobs.toml")
    assert code == 1
    assert "set HPO_HOME to a folder that you can write" in said
