"""The exported script: what stands in it, and that it runs."""

import ast
import json
import re
import runpy
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from hpo.data import Dataset
from hpo.definition import parse
from hpo.device import recorded_environment
from hpo.errors import HpoError, StudyError
from hpo.export import best, chosen, write_script
from hpo.export.own import refuse_own_names
from hpo.export.source import Collector
from hpo.objective import build_objective
from hpo.pretraining import Weights
from hpo.storage.keys import DEVICE, EARLIER, ENVIRONMENT, SEED
from hpo.study import Origin, StoredStudy

STUDIES = Path(__file__).parents[2] / "studies"
BEST_AUGMENTED = {  # benchmarks/ladder.md, "The goal"
    "optimizer": "nadam",
    "learning_rate": 0.007463,
    "batch_size": 64,
    "dropout": 0.1925,
    "label_smoothing": 0.1,
    "ema": 0.99,
    "rotation": 16.65,
    "shift": 0.0582,
    "zoom": 0.08349,
    "interpolation": "nearest",
    "test_shift": 1,
}

RUFF = Path(sys.executable).with_name("ruff")
# What a bare environment has not.
ALONE = "import sys, runpy; sys.modules.update(hpo=None, optuna=None); "


def stored_study(content, dataset, values=(None,), label_column=-1):
    """A study with a complete trial for each value; None stands for the evaluation's own."""
    definition = parse(content, "my.toml")
    objective = build_objective(definition, dataset, "my.toml")
    study = optuna.create_study(
        direction=definition.direction, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    for value in values:
        trial = study.ask()
        params = objective.space.suggest(trial)
        trial.set_user_attr(SEED, objective.seed_of(params))
        trial.set_user_attr(ENVIRONMENT, dict(recorded_environment()))  # tests may change it
        study.tell(trial, objective.evaluate(params, heard) if value is None else value)
    origin = Origin(
        folder=Path(),
        fingerprint=dataset.fingerprint,
        label_column=label_column,
        task=objective.task,
        steps=objective.steps,
    )
    return StoredStudy(database=None, study=study, definition=definition, origin=origin)


def script_of(stored, file):
    """The script of the best trial."""
    return write_script(stored, best(stored), file)


def heard(step, value):
    """Hear of a step, and go on."""


def ruff(script, *arguments):
    result = subprocess.run(
        [RUFF, *arguments, "-"], input=script, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def top_level_imports(script):
    return set(re.findall(r"^\s*(?:import|from) (\w+)", script, re.MULTILINE))


# ---- what stands in it


EVALUATIONS = [{"holdout": 0.3}, {"folds": 3, "metric": "f1_macro"}]
TRAINS = ["rows.npy", "a/b.npz", "rows.csv", "rows.csv.gz", "ROWS.CSV", "rows.amat", "rows.parquet"]


def assert_clean(script):
    compile(script, "train.py", "exec")
    rules = ["--select", "E,F,I,B,UP", "--ignore", "E402"]
    ruff(script, "check", "--isolated", *rules, "--line-length", "100")
    ruff(script, "format", "--isolated", "--check", "--line-length", "100")
    assert not top_level_imports(script) & {"hpo", "optuna", "pydantic", "sqlalchemy"}
    assert "\n\n\nimport" not in script


@pytest.mark.parametrize("evaluation", EVALUATIONS, ids=str)
@pytest.mark.parametrize("train", TRAINS)
def test_a_script_is_clean_and_needs_no_hpo(content, dataset, evaluation, train):
    content |= {"evaluation": evaluation, "data": {"train": train}}
    assert_clean(script_of(stored_study(content, dataset, [0.5]), "train.py"))


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "f1_macro", "error_rate"])
def test_a_script_of_the_network_is_clean(cnn_content, dataset, metric):
    cnn_content["evaluation"]["metric"] = metric
    cnn_content["data"]["transposed"] = True
    script = script_of(stored_study(cnn_content, dataset, [0.5]), "train.py")
    assert_clean(script)
    assert "keras" in top_level_imports(script)
    assert "X.reshape(-1, 6, 6, 1).swapaxes(1, 2)" in script


def test_a_script_keeps_the_reason_of_the_share_that_is_watched(cnn_content, dataset):
    cnn_content["fixed"] |= {"patience": 2}
    script = script_of(stored_study(cnn_content, dataset, [0.5]), "train.py")
    assert "# on the learning rate or on early stopping.\nWATCHED = 0.1\n" in script


def test_a_script_without_a_network_does_not_ask_what_keras_trains_with(content, dataset):
    stored = stored_study(content, dataset, [0.5])
    (trial,) = best(stored)
    trial.user_attrs[ENVIRONMENT].pop("tensorflow")  # as where KERAS_BACKEND names another
    script = write_script(stored, [trial], "train.py")
    assert "keras" not in script
    assert "KERAS_BACKEND" not in script


def test_the_backend_is_the_one_that_trained_whatever_else_was_imported(cnn_content, dataset):
    stored = stored_study(cnn_content, dataset, [0.5])
    (trial,) = best(stored)
    trial.user_attrs[DEVICE] = {"backend": "jax"}
    trial.user_attrs[ENVIRONMENT] |= {"tensorflow": "2.21", "jax": "0.11"}
    script = write_script(stored, [trial], "train.py")
    assert 'os.environ.setdefault("KERAS_BACKEND", "jax")' in script
    assert "It needs keras, jax, numpy, scikit-learn. How" in script


@pytest.mark.parametrize("name", ['a""".py', "a\\x.py"])
def test_a_script_may_have_an_odd_name(content, dataset, name):
    content["data"]["train"] = f"{name}.npy"
    assert_clean(script_of(stored_study(content, dataset, [0.5]), name))


def test_a_script_of_many_classes_is_clean(content):
    y = np.arange(300) % 100
    dataset = Dataset(X=np.ones((300, 36), np.float32), y=y, shape=None, source="rows.npy")
    content["evaluation"] = {"folds": 2}
    assert_clean(script_of(stored_study(content, dataset, [0.5]), "train.py"))


def code_lines(script):
    """Count the lines that are neither empty nor part of a docstring."""
    tree = ast.parse(script)
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef)]
    docstrings = [node.body[0] for node in documented if ast.get_docstring(node)]
    left_out = {n for d in docstrings for n in range(d.lineno, d.end_lineno + 1)}
    lines = enumerate(script.splitlines(), 1)
    return sum(bool(line.strip()) and number not in left_out for number, line in lines)


def test_the_script_of_the_best_trial_on_the_benchmark_has_less_than_200_lines_of_code():
    content = tomllib.loads((STUDIES / "cnn-augmented.toml").read_text())
    content |= {"name": "cnn-augmented"}
    del content["fixed"]["weight_decay"]  # of other optimizers
    content["space"] |= {name: [value] for name, value in BEST_AUGMENTED.items()}
    y = np.arange(100) % 10
    dataset = Dataset(X=np.zeros((100, 784), np.float32), y=y, shape=None, source="rows.npy")
    stored = stored_study(content, dataset, [0.985], label_column=784)  # the last, as hpo stores it
    (trial,) = best(stored)
    trial.user_attrs[DEVICE] = {"kernels": "1"}
    script = write_script(stored, [trial], "train.py")
    assert "TF_ENABLE_ONEDNN_OPTS" in script
    assert_clean(script)
    assert code_lines(script) < 200


OF_A_READER = {
    "rows.npy": ":= np.load(path)",
    "rows.npz": "def read_npz(",
    "rows.csv.gz": "def read_csv(",
    "rows.amat": "np.loadtxt(path, comments=None",
    "rows.parquet": "def read_parquet(",
}


@pytest.mark.parametrize("train", OF_A_READER)
def test_it_holds_only_the_reader_that_it_uses(content, dataset, train):
    content["data"]["train"] = train
    script = script_of(stored_study(content, dataset, [0.5]), "train.py")
    assert [name for name, code in OF_A_READER.items() if code in script] == [train]


def test_it_names_all_that_must_be_installed(content, dataset):
    script = script_of(stored_study(content, dataset, [0.5]), "train.py")
    assert "It needs numpy, scikit-learn." in script
    content["data"]["train"] = "rows.parquet"
    script = script_of(stored_study(content, dataset, [0.5]), "train.py")
    assert "It needs numpy, pyarrow, scikit-learn." in script


def test_it_holds_only_the_split_and_the_metric_that_it_uses(content, dataset):
    content |= {"evaluation": {"folds": 3, "metric": "f1_macro"}, "seed": 7}
    script = script_of(stored_study(content, dataset, [0.5]), "train.py")
    assert "StratifiedKFold(3, shuffle=True, random_state=7)" in script
    assert "train_test_split" not in script
    assert 'float(f1_score(y, predicted, average="macro", zero_division=0))' in script
    assert not re.search("(accuracy|balanced_accuracy)_score", script)


def test_its_head_says_what_was_found(content, dataset):
    stored = stored_study(content, dataset, [0.25, 0.75])
    script = write_script(stored, best(stored), "best.py")
    assert f'"numpy": "{np.__version__}",' in script
    head = script.split('"""')[1]
    assert "svm that hpo found in the study small" in head
    assert "trial 1     value 0.75, " in head
    assert "rows.npy, sha256 " + dataset.fingerprint[:16] in head
    assert f"C {stored.study.trials[1].params['C']:.4g}" in " ".join(head.split())
    assert "python best.py --help" in head


@pytest.mark.parametrize(("metric", "number"), [("accuracy", 1), ("error_rate", 2)])
def test_the_best_trial_is_the_one_that_the_metric_calls_so(content, dataset, metric, number):
    content["evaluation"]["metric"] = metric
    stored = stored_study(content, dataset, [0.5, 0.75, 0.25])
    script = write_script(stored, best(stored), "train.py")
    assert f"\nSEED = {stored.study.trials[number].user_attrs[SEED]}\n" in script


def test_a_trial_can_be_chosen_and_its_parameters_stand_there(content, dataset):
    stored = stored_study(content, dataset, [0.5, 0.75])
    script = write_script(stored, chosen(stored, 0), "train.py")
    params = stored.study.trials[0].params
    assert f"C={params['C']!r},\n" in script
    assert f"min({params['components']}, len(X) - 1, X.shape[1])" in script
    assert "class_weight=None," in script
    assert "\nVALUE = 0.5\n" in script


def refusal(stored, number):
    with pytest.raises(StudyError) as refused:
        best(stored) if number is None else chosen(stored, number)
    return str(refused.value)


def test_a_trial_that_is_not_there_is_refused(content, dataset):
    stored = stored_study(content, dataset, [0.5, 0.75])
    assert refusal(stored, 2) == 'the study "small" has no trial 2; it has 2, from 0'


def test_a_trial_that_did_not_climb_all_the_way_is_refused(content, dataset):
    stored = stored_study(content, dataset, [])
    assert refusal(stored, None) == ('the study "small" has no trial yet that climbed all the way')
    stored.study.tell(stored.study.ask(), state=optuna.trial.TrialState.PRUNED)
    assert "is pruned: only a complete one has a value to repeat" in refusal(stored, 0)
    assert "has no trial yet" in refusal(stored, None)


OWN = """
from dataclasses import dataclass
from hpo.models import Model

@dataclass(frozen=True)
class Forest:
    C: float = 1.0

MODEL = Model(Params=Forest, training="my_forest")

def NAME(X):
    return X

def fit(params, task, X, y, seed):
    return NAME(X)

def predict(trained, task, X):
    return X

def save(trained, folder):
    return folder / "model"
"""


@pytest.fixture
def forest(content, tmp_path, monkeypatch):
    """Yield a function that writes a family of one's own in one module, with a helper of a name."""
    content |= {"model": "my_forest:MODEL", "space": {"C": [1, 2]}, "fixed": {}}
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_forest", raising=False)
    yield lambda name: (tmp_path / "my_forest.py").write_text(OWN.replace("NAME", name))
    sys.modules.pop("my_forest", None)


def test_a_family_of_one_s_own_ships_without_its_model(forest, content, dataset):
    forest("doubled")
    script = script_of(stored_study(content, dataset, [0.5]), "train.py")
    compile(script, "train.py", "exec")
    assert "PARAMS" not in script  # nothing reads them
    assert "    return X\n" in script  # all that doubled does
    assert "hpo.models" not in script
    assert top_level_imports(script).isdisjoint({"hpo", "optuna"})


def test_parameters_that_are_read_as_a_whole_stand_there_and_are_passed(
    forest, content, dataset, tmp_path
):
    forest("doubled")
    code = tmp_path / "my_forest.py"
    code.write_text(code.read_text().replace("return doubled(X)", "return repr(params)"))
    script = script_of(stored_study(content, dataset, [0.5]), "train.py")
    compile(script, "train.py", "exec")
    assert "class Forest" in script
    assert re.search(r"^PARAMS = Forest\(C=[12].0\)$", script, re.MULTILINE)
    assert "fit(PARAMS, X, y, SEED)" in script


SCORES = """
def scores(trained, task, X):
    return [[1 for _ in task.classes] for _ in X]
"""
OWN_NAMES = ["load", "verify", "main", "VALUE", "vote", "save_all", "MEMBERS", "THREADS"]


@pytest.mark.parametrize("name", [*OWN_NAMES, "fmean", "json", "print", "zip"])
def test_a_family_may_not_take_the_script_s_own_names(forest, content, dataset, name):
    forest(name)
    stored = stored_study(content, dataset, [0.5])
    with pytest.raises(HpoError, match=f"my_forest: {name} can't stand in a script"):
        write_script(stored, best(stored), "train.py")


def of_classes(number):
    y = np.arange(10 * number) % number
    return Dataset(X=np.ones((len(y), 36), np.float32), y=y, shape=None, source="rows.npy")


def test_a_family_may_not_take_the_name_of_the_classes_where_a_script_has_one(forest, content):
    forest("CLASSES")
    few, many = (stored_study(content, of_classes(number), [0.5]) for number in (4, 6))
    compile(write_script(few, best(few), "train.py"), "train.py", "exec")
    with pytest.raises(HpoError, match="my_forest: CLASSES can't stand in a script"):
        write_script(many, best(many), "train.py")


def test_each_name_that_a_script_adds_is_refused_in_a_family(forest, content, tmp_path):
    forest("doubled")
    code = tmp_path / "my_forest.py"
    whole = "return repr((params, task.classes))"
    code.write_text(code.read_text().replace("return doubled(X)", whole) + SCORES)
    content["space"]["C"] = {"low": 1, "high": 2}
    stored = stored_study(content, of_classes(6), [0.5, 0.75])
    made = {"file": "w.h5", "sha256": "", "rows": 60, "rows_sha256": "", "sources_sha256": None}
    pretrained = replace(stored, origin=replace(stored.origin, weights=Weights(**made)))
    found = set()
    for one, number in ((stored, 1), (stored, 2), (pretrained, 1)):
        names = names_of_its_own(write_script(one, best(one, number), "train.py"))
        found |= names
        for name in names:
            collector = Collector((), {"my_forest": {name}})
            with pytest.raises(HpoError, match=f"my_forest: {name} can't stand in a script"):
                refuse_own_names(collector, ["CLASSES"])
    assert found > {*OWN_NAMES, "CLASSES", "PARAMS", "SEED"}


def names_of_its_own(script):
    """Return what the top of a script defines or imports, but for what it takes from modules."""
    shipped = {"fit", "predict", "scores", "save", "environment", "processor"}
    shipped |= {"fingerprint", "accuracy", "Forest", "Task", "read_npy", "holdout"}
    top = [node for statement in ast.parse(script).body for node in top_of(statement)]
    named = {node.name for node in top if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    stored = {n.id for n in top if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return (named - shipped) | stored


def top_of(statement):
    named = isinstance(statement, ast.FunctionDef | ast.ClassDef)
    return [statement] if named else ast.walk(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "from shutil import copy as vote",
        "from math import fsum as fmean",
        "import random as np",
        "from numpy import all",
    ],
)
def test_a_family_may_not_import_something_else_under_the_script_s_own_names(
    forest, content, dataset, tmp_path, statement
):
    forest("doubled")
    name = statement.split()[-1]
    code = tmp_path / "my_forest.py"
    code.write_text(
        f"{statement}\n" + code.read_text().replace("return doubled(", f"return {name}(")
    )
    stored = stored_study(content, dataset, [0.5])
    with pytest.raises(HpoError, match=f"`{statement}` can't stand in a script"):
        write_script(stored, best(stored), "train.py")


def test_a_family_may_import_what_the_script_imports_too(forest, content, dataset, tmp_path):
    forest("doubled")
    code = tmp_path / "my_forest.py"
    code.write_text("import numpy as np\nimport os.path\n" + code.read_text())
    code.write_text(code.read_text().replace("return doubled(X)", "return np.abs(X), os.path"))
    script = script_of(stored_study(content, dataset, [0.5]), "train.py")
    assert script.count("import numpy as np\n") == 1


def test_of_several_only_what_differs_stays_open(cnn_content, dataset):
    stored = stored_study(cnn_content, dataset, [0.5, 0.75, 0.25])
    script = write_script(stored, best(stored, 2), "train.py")
    assert_clean(script)
    assert "VALUE = [0.75, 0.5]" in script
    assert len(re.findall(r"\bParams\(activation=", script)) == 2
    assert "params.batch_size" in script  # another in each of them
    assert "params.epochs" not in script


def test_of_several_no_branch_is_left_that_none_takes_and_no_parameter_that_none_reads(
    cnn_content, dataset
):
    cnn_content["space"] = {
        "filters": [3, 4, 5],
        "closing": ["flatten", "average"],
        "optimizer": ["adam", "adamw", "nadam"],
        "weight_decay": {"low": 0.1, "high": 0.2},
    }
    cnn_content["fixed"] = {"blocks": 2, "epochs": 1, "dropout": 0.1}
    stored = stored_study(cnn_content, dataset, [0.5] * 8)
    script = write_script(stored, best(stored, 4), "train.py")
    assert_clean(script)
    for gone in ('sgd" else', 'convolution":', "params.dropout", "threshold", "normalisation if"):
        assert gone not in script
    (found,) = re.findall(r"^class Params:\n((?:.+\n|\n(?=    ))*)", script, re.MULTILINE)
    fields = re.findall(r"^    (\w+):", found, re.MULTILINE)
    assert fields == ["filters", "closing", "optimizer", "weight_decay"]
    assert "# The images." not in found
    assert "# The training." in found


def test_so_many_must_have_climbed_all_the_way(content, dataset):
    stored = stored_study(content, dataset, [0.5, 0.75])
    with pytest.raises(StudyError, match=r"only 2 different trials that climbed .*, not 3"):
        best(stored, 3)


def test_the_same_params_count_once(content, dataset):
    stored = stored_study(content, dataset, [0.5, 0.75])
    stored.study.add_trial(stored.study.trials[0])
    assert [trial.number for trial in best(stored, 2)] == [1, 0]
    with pytest.raises(StudyError, match="only 2 different"):
        best(stored, 3)


def rewrite(tmp_path, *changes):
    """Change the family of one's own."""
    path = tmp_path / "my_forest.py"
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_a_file_with_a_byte_order_mark_and_form_feeds_ships(forest, content, dataset, tmp_path):
    forest("doubled")
    rewrite(tmp_path, ("\nfrom dataclasses", "\ufefffrom dataclasses"))
    rewrite(tmp_path, ("\ndef fit", "\n\f\ndef fit"))
    script = script_of(stored_study(content, dataset, [0.5]), "train.py")
    assert_clean(script)


def test_constants_that_need_each_other_stay_in_order(forest, content, dataset, tmp_path):
    forest("doubled")
    rewrite(
        tmp_path,
        ("def fit", "def widths(n):\n    n += 1\n    return [n] * n\n\n" + WIDTHS + "\n\ndef fit"),
        ("return doubled(X)", "return X * WIDEST"),
    )
    script = script_of(stored_study(content, dataset, [0.5]), "train.py")
    assert_clean(script)
    assert script.index("def widths") < script.index("WIDTHS =") < script.index("WIDEST =")


WIDTHS = "WIDTHS = widths(2)\nWIDEST = max(WIDTHS)"


def test_what_is_no_function_is_refused_by_name(forest, content, dataset, tmp_path):
    forest("doubled")
    rewrite(tmp_path, ("def fit(params", "def train(how, params"))
    rewrite(tmp_path, ("def predict", 'fit = partial(train, "a")\n\ndef predict'))
    rewrite(tmp_path, ("from dataclasses", "from functools import partial\nfrom dataclasses"))
    with pytest.raises(HpoError, match=r"my_forest: `fit = partial\(train, 'a'\)` can't stand"):
        script_of(stored_study(content, dataset, [0.5]), "train.py")


def test_scores_may_take_what_predict_leaves(forest, content, dataset, tmp_path):
    forest("doubled")
    scores = "def scores(trained, task, X):\n    return repr(task)\n\ndef save"
    rewrite(tmp_path, ("def predict(trained, task", "def predict(trained, _task"))
    rewrite(tmp_path, ("def save", scores))
    stored = stored_study(content, dataset, [0.5, 0.75])
    script = write_script(stored, best(stored, 2), "train.py")
    assert "predict(model, X[valid])" in script
    assert "repr(TASK)" in script


def test_a_family_without_scores_can_t_be_averaged(forest, content, dataset):
    forest("doubled")
    stored = stored_study(content, dataset, [0.5, 0.75])
    stored.study.add_trial(
        optuna.trial.create_trial(
            value=1.0, params={"C": 1.0}, distributions=stored.study.trials[0].distributions
        )
    )
    two = [stored.study.trials[0], stored.study.trials[2]]
    with pytest.raises(HpoError, match="my_forest has no function scores"):
        write_script(stored, two, "train.py")


# ---- that it runs


@pytest.fixture
def write(tmp_path):
    """Return a function that writes rows to a file here."""

    def write(name, *columns):
        path = tmp_path / name
        np.save(path, np.column_stack(columns))
        return path

    return write


@pytest.fixture
def script(content, dataset, tmp_path):
    """A script of a real trial."""
    content["evaluation"] = {"folds": 3}
    content["data"]["range"] = [0, 2.0000001]
    path = tmp_path / "train.py"
    path.write_text(script_of(stored_study(content, dataset), path.name))
    return path


@pytest.fixture
def run(script, tmp_path, monkeypatch, capsys):
    """Return a function that runs the script within this process: code and output."""
    source = script.read_text()
    for name in re.findall(r"(?:OMP|OPENBLAS|TF)_\w+", source):
        monkeypatch.setenv(name, "")  # so that what the script sets is undone
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
        code = 0
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as exited:
            code = exited.code
        return code, capsys.readouterr().out

    return run


def test_verify_repeats_the_value_where_there_is_neither_hpo_nor_optuna(script, write, dataset):
    data = write("rows.npy", dataset.X, dataset.y)
    code = ALONE + f"sys.argv[1:] = ['--data', {str(data)!r}, '--verify']; "
    code += f"runpy.run_path({str(script)!r}, run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "verified"
    assert "tolerance 0" in result.stdout.splitlines()[-2]


def test_several_verify_themselves_and_vote(content, dataset, tmp_path, write):
    content["evaluation"] = {"folds": 2}
    stored = stored_study(content, dataset, [None, None, None])
    (tmp_path / "top.py").write_text(write_script(stored, best(stored, 2), "top.py"))
    data = write("rows.npy", dataset.X, dataset.y)

    def run(*arguments):
        command = [sys.executable, "top.py", "--data", data, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    said = run("--verify").splitlines()
    assert said[-1] == "verified"
    recorded = [trial.value for trial in best(stored, 2)]
    assert f"values {recorded}, recorded {recorded}, tolerance 0; together 0." in said[-2]
    test = write("test.npy", dataset.X[:40], dataset.y[:40])
    out = run("--test", test)
    assert "precision    recall  f1-score   support" in out
    assert np.mean(submission(tmp_path) == dataset.y[:40]) > 0.5
    assert (tmp_path / "model-2" / "model.joblib").is_file()


def test_verify_finds_another_value(script, run, write, dataset):
    data = write("rows.npy", dataset.X, dataset.y)
    text = script.read_text()
    altered = re.sub(r"\nVALUE = (.*)\n", lambda m: f"\nVALUE = {float(m[1]) + 1e-9}\n", text)
    assert altered != text
    script.write_text(altered)
    code, output = run("--data", data, "--verify")
    assert code == 1
    assert "NOT verified" in output


@pytest.mark.parametrize(("off", "expected"), [(0.019, 0), (0.021, 1)])
def test_verify_is_lenient_with_other_versions_and_says_so(
    script, run, write, dataset, off, expected
):
    data = write("rows.npy", dataset.X, dataset.y)
    text = script.read_text().replace(f'"numpy": "{np.__version__}"', '"numpy": "1.0"')
    altered = re.sub(r"\nVALUE = (.*)\n", lambda m: f"\nVALUE = {float(m[1]) - off}\n", text)
    script.write_text(altered)
    code, output = run("--data", data, "--verify")
    assert f"'numpy': '{np.__version__}'" in output.splitlines()[-3]
    assert "'numpy': '1.0'" in output.splitlines()[-2]
    assert code == expected


def test_verify_of_a_trial_that_ran_on_a_gpu_is_lenient_everywhere(content, dataset):
    stored = stored_study(content, dataset, [0.5])
    text = script_of(stored, "train.py")
    assert "    tolerance = 0 if here == ENVIRONMENT else 0.02\n" in text
    (trial,) = best(stored)
    trial.user_attrs[DEVICE] = {"cpu": "Some CPU", "gpu": "Fake 1"}
    text = write_script(stored, [trial], "train.py")
    assert "abs(value - VALUE) <= 0.02\n" in text
    assert "It may be off by 0.02: a GPU adds up in no fixed order (Fake 1)." in text


@pytest.mark.parametrize("several", [False, True], ids=["one trial", "several"])
def test_verify_is_lenient_everywhere_where_machines_differ(content, dataset, several):
    stored = stored_study(content, dataset, [0.6, 0.5])
    trials = best(stored, 2 if several else 1)
    here = {ENVIRONMENT: recorded_environment(), DEVICE: {"cpu": "Some CPU", "cores": 4}}
    trials[0].user_attrs[EARLIER] = [here]
    assert "    tolerance = 0 if here == ENVIRONMENT else 0.02\n" in script_text(stored, trials)
    other = {**recorded_environment(), "processor": "Other CPU"}
    if several:
        trials[1].user_attrs[ENVIRONMENT] = other
    else:
        trials[0].user_attrs[EARLIER] = [here, {ENVIRONMENT: other}]
    text = script_text(stored, trials)
    assert "if here == ENVIRONMENT" not in text
    assert "<= 0.02" in text
    assert "It may be off by 0.02: the machines that trained it differ in versions or" in text


def script_text(stored, trials):
    return write_script(stored, trials, "train.py")


def test_verify_refuses_other_rows(run, write, dataset):
    data = write("other.npy", dataset.X / 2, dataset.y)
    code, _ = run("--data", data, "--verify")
    assert code == f"{data}: holds other rows than those of the trial"


def test_it_trains_on_all_rows_and_saves_the_model(run, write, dataset, tmp_path):
    data = write("rows.npy", dataset.X, dataset.y)
    code, output = run("--data", data, "--out", tmp_path / "new" / "out")
    assert code == 0
    metrics = json.loads((tmp_path / "new" / "out" / "metrics.json").read_text())
    assert metrics["rows"] == 90
    assert 0 < metrics["trial"] <= 1
    assert "test" not in metrics
    assert (tmp_path / "new" / "out" / "model.joblib").is_file()
    assert "trained on 90 rows" in output


def submission(folder):
    header, *lines = (folder / "submission.csv").read_text().splitlines()
    assert header == "row,label"
    numbers, labels = zip(*(map(int, line.split(",")) for line in lines), strict=True)
    assert list(numbers) == list(range(1, len(lines) + 1))
    return np.array(labels)


def test_labelled_test_rows_are_predicted_and_scored(run, write, dataset, tmp_path):
    data = write("rows.npy", dataset.X, dataset.y)
    test = write("test.npy", dataset.X[:40], dataset.y[:40])
    code, output = run("--data", data, "--test", test)
    labels = submission(tmp_path)
    score = np.mean(labels == dataset.y[:40])
    assert code == 0
    assert json.loads((tmp_path / "metrics.json").read_text())["test"] == score
    assert f"accuracy on {test}: {score:.4f}" in output
    assert score > 0.5


@pytest.mark.parametrize("count", [40, 1])
def test_unlabelled_test_rows_are_predicted_and_not_scored(run, write, dataset, tmp_path, count):
    data = write("rows.npy", dataset.X, dataset.y)
    code, output = run("--data", data, "--test", write("test.npy", dataset.X[:count]))
    assert code == 0
    assert len(submission(tmp_path)) == count
    assert "test" not in json.loads((tmp_path / "metrics.json").read_text())
    assert "accuracy" not in output


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda X, y: (X, y + 0.7), "has labels that are not whole numbers of 0 or more"),
        (lambda X, y: (X, y - 9), "has labels that are not whole numbers of 0 or more"),
        (lambda X, y: (np.where(X > 0.5, np.nan, X), y), "has a value that is not a finite number"),
        (lambda X, y: (X * 255, y), "has a value that is not between 0.0 and 2.0000001"),
        (
            lambda X, y: (X[:0], y[:0]),
            "cannot reshape array of size 0 into shape (0,newaxis)",
        ),
    ],
    ids=["measurements", "negative labels", "gaps", "another scale", "no rows"],
)
def test_rows_that_it_could_learn_nothing_right_from_are_refused(
    run, dataset, tmp_path, change, problem
):
    X, y = change(dataset.X, dataset.y)
    np.save(tmp_path / "other.npy", np.column_stack([X, y]))
    assert run("--data", tmp_path / "other.npy")[0] == f"{tmp_path / 'other.npy'}: {problem}"


@pytest.mark.parametrize(
    ("label", "other"), [(9, [9]), (4, [4, 9])], ids=["a class is missing", "a class is new"]
)
def test_rows_of_other_classes_are_not_trained_on(run, write, dataset, label, other):
    rows = dataset.y != 9 if label == 9 else slice(None)
    y = np.where(dataset.y == 9, label, dataset.y)
    data = write("other.npy", dataset.X[rows], y[rows])
    said = f"{data}: has not the trial's classes: only one of both has {other}"
    assert run("--data", data)[0] == said


def test_a_file_of_another_kind_and_a_folder_that_is_none_are_named(run, write, dataset, tmp_path):
    data = write("rows.npy", dataset.X, dataset.y)
    (tmp_path / "rows.csv").write_text("1,2,3\n")
    said, _ = run("--data", tmp_path / "rows.csv")
    assert said == f"{tmp_path / 'rows.csv'}: this script reads .npy"
    assert run("--data", data, "--out", data)[0] == f"{data}: File exists"


def test_a_folder_that_can_not_be_written_to_is_found_before_the_training(
    run, write, dataset, tmp_path
):
    # A file that can't be written there stands for such a folder: root may write anywhere.
    (tmp_path / "metrics.json").symlink_to(tmp_path / "missing" / "metrics.json")
    data = write("rows.npy", dataset.X, dataset.y)
    said = f"{tmp_path}: No such file or directory"
    assert run("--data", data, "--out", tmp_path) == (said, "")


def test_verify_does_not_pass_over_rows_to_predict(run, write, dataset):
    data = write("rows.npy", dataset.X, dataset.y)
    assert run("--data", data, "--verify", "--test", data) == (2, "")


def test_a_bad_test_file_is_found_before_the_training(run, write, dataset, tmp_path):
    data = write("rows.npy", dataset.X, dataset.y)
    test = write("test.npy", dataset.X[:, :-2])
    code, _ = run("--data", data, "--test", test)
    assert code == f"{test}: has (90, 34) rows and columns, not 36 and perhaps a label"
    assert not (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize("rows", [np.array([["a"] * 37]), np.array(3.0)], ids=["texts", "a number"])
def test_an_array_of_something_else_is_refused_in_one_line(run, tmp_path, rows):
    np.save(tmp_path / "rows.npy", rows)
    code, _ = run("--data", tmp_path / "rows.npy")
    assert code.startswith(f"{tmp_path / 'rows.npy'}: ")
    assert "\n" not in code


def test_a_word_that_is_cut_off_does_not_verify_on_other_threads(run, write, dataset):
    data = write("rows.npy", dataset.X, dataset.y)
    assert run("--data", data, "--verif")[0] == 2


def test_missing_and_unlabelled_data_is_refused(run, write, dataset, tmp_path):
    code, _ = run("--data", tmp_path / "none.npy")
    assert code.startswith(f"{tmp_path / 'none.npy'}: ")
    assert "\n" not in code
    data = write("rows.npy", dataset.X)
    assert run("--data", data)[0] == f"{data}: has no labels to train on"


def test_the_label_may_stand_first(content, dataset, tmp_path, write, monkeypatch, capsys):
    stored = stored_study(content, dataset, label_column=0)
    path = tmp_path / "train.py"
    path.write_text(write_script(stored, best(stored), path.name))
    data = write("rows.npy", dataset.y, dataset.X)
    for name in re.findall(r"(?:OMP|OPENBLAS|TF)_\w+", path.read_text()):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(sys, "argv", [str(path), "--data", str(data), "--verify"])
    with pytest.raises(SystemExit) as exited:
        runpy.run_path(str(path), run_name="__main__")
    assert exited.value.code == 0
    assert "\nverified\n" in capsys.readouterr().out


def test_pretrained_weights_that_are_not_beside_it_are_named(
    content, dataset, tmp_path, write, monkeypatch
):
    stored = stored_study(content, dataset, [0.5])
    made = {"file": "w.h5", "sha256": "", "rows": 60, "rows_sha256": "", "sources_sha256": None}
    pretrained = replace(stored, origin=replace(stored.origin, weights=Weights(**made)))
    path = tmp_path / "train.py"
    path.write_text(script_of(pretrained, path.name))
    assert_clean(path.read_text())
    data = write("rows.npy", dataset.X, dataset.y)
    monkeypatch.setattr(sys, "argv", [str(path), "--data", str(data)])
    with pytest.raises(SystemExit) as exited:
        runpy.run_path(str(path), run_name="__main__")
    weights = tmp_path / "w.h5"
    assert exited.value.code == f"{weights}: is missing; hpo export -o writes it beside the script"


def test_images_are_read_as_rows(content, dataset):
    stored = stored_study(content, dataset, [0.5])
    origin = replace(stored.origin, task=replace(stored.origin.task, shape=(6, 6, 1)))
    script = write_script(replace(stored, origin=origin), best(stored), "train.py")
    assert "table.shape[1] not in (36, 37)" in script
    assert "table[:, -1]" in script
