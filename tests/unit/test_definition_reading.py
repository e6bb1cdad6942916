from copy import deepcopy
from datetime import time
from pathlib import Path

import pytest

from hpo.definition import load_definition, parse
from hpo.errors import DefinitionError

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))
SMALL = """
model = "svm"
[data]
train = "rows.npy"
[evaluation]
folds = 3
[space]
C = [1, 10]
[budget]
trials = 4
"""


def changed(content, key, value):
    content = deepcopy(content)
    *sections, last = key.split(".")
    section = content
    for name in sections:
        section = section.setdefault(name, {})
    section[last] = value
    return content


def without(content, key):
    content = deepcopy(content)
    *sections, last = key.split(".")
    section = content
    for name in sections:
        section = section[name]
    del section[last]
    return content


def refusal(content):
    """The one line that says what is wrong."""
    with pytest.raises(DefinitionError) as refused:
        parse(content, "my.toml")
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_shipped_study_loads_under_its_own_name(path):
    assert load_definition(path).name == path.stem


def test_there_are_shipped_studies():
    assert {"svm", "cnn-simple-coarse"} <= {path.stem for path in STUDIES}


def test_a_study_takes_its_name_from_the_file(tmp_path):
    path = tmp_path / "mine.v2.toml"
    path.write_text(SMALL)
    assert load_definition(path).name == "mine.v2"


def test_a_name_in_the_file_is_stronger_than_the_file_s(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "other"\n' + SMALL)
    assert load_definition(path).name == "other"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "there is no such file"),
        (b"model = svm", "is not TOML"),
        (b"model = 'svm'\nmodel = 'svm'", "is not TOML"),
        (b"\xff\xfe", "is not a text file (UTF-8)"),
        (b"seed = " + b"1" * 5000, "holds an integer of too many digits"),
    ],
)
def test_a_file_that_is_no_definition_is_refused_by_name(tmp_path, text, problem):
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(DefinitionError) as refused:
        load_definition(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert problem in message
    assert "\n" not in message


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match="can't be read"):
        load_definition(tmp_path)


def test_a_bad_key_in_a_file_is_refused_with_the_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SMALL.replace("folds = 3", "folds = 1"))
    with pytest.raises(DefinitionError) as refused:
        load_definition(path)
    assert str(refused.value).startswith(f"{path}: evaluation.folds: 1 is not valid")


@pytest.mark.parametrize(
    ("section", "allowed"),
    [
        ("", "name, model, seed, priority, data, evaluation, space, fixed"),
        ("data.", "train, label, shape, range, transposed"),
        ("evaluation.", "holdout, folds, metric"),
        ("space.C.", "low, high, log, step"),
        ("budget.", "trials, wall_time, steps, target, patience"),
        ("warm_start.", "study, top"),
    ],
)
def test_an_unknown_key_is_refused_with_those_allowed(content, section, allowed):
    message = refusal(changed(content, f"{section}colour", "red"))
    where = section.rstrip(".") + ": " if section else ""
    assert message.startswith(f'my.toml: {where}unknown key "colour"; allowed here: {allowed}')


@pytest.mark.parametrize(
    ("key", "name", "allowed"),
    [
        ("sampler", "tpe", "name, n_startup_trials, n_ei_candidates"),
        ("sampler", "random", "name"),
        ("sampler", "qmc", "name, scramble"),
        ("sampler", "grid", "name"),
        ("pruner", "asha", "name, min_resource, reduction_factor"),
        ("pruner", "halving", "name, min_resource, reduction_factor"),
        ("pruner", "hyperband", "name, min_resource, reduction_factor"),
        ("pruner", "median", "name, n_startup_trials, n_warmup_steps, n_min_trials"),
        ("pruner", "percentile", "name, percentile, n_startup_trials, n_warmup_steps"),
        ("pruner", "none", "name"),
    ],
)
def test_an_unknown_option_is_refused_with_those_allowed(content, key, name, allowed):
    message = refusal(changed(content, key, {"name": name, "colour": "red"}))
    assert message.startswith(f'my.toml: {key}: unknown key "colour"; allowed here: {allowed}')


@pytest.mark.parametrize(
    "key", ["model", "data", "data.train", "evaluation", "space", "space.C.low", "budget"]
)
def test_a_missing_key_is_named(content, key):
    assert refusal(without(content, key)) == f"my.toml: {key}: is missing"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("name", "a b", "'a b' is not valid"),
        ("name", "../up", "'../up' is not valid"),
        ("name", "", "'' is not valid"),
        ("name", "x" * 101, "at most 100 characters"),
        ("name", 3, "3 is not valid"),
        ("model", 3, "3 is not valid"),
        ("seed", -1, "-1 is not valid"),
        ("seed", 1.5, "1.5 is not valid"),
        ("seed", "3", "'3' is not valid"),
        ("seed", True, "True is not valid"),
        ("seed", 2**32, "less than 4294967296"),
        ("data", "rows.npy", "'rows.npy' is not a table"),
        ("data.train", "", "at least 1 character"),
        ("data.label", 3, "3 is not valid"),
        ("data.shape", 784, "784 is not a list"),
        (
            "data.shape",
            [20, 30],
            "data.shape: [20, 30] is not valid: write [height, width, channels]",
        ),
        ("data.range", [0], "data.range: [0] is not valid: write [smallest, largest]"),
        ("data.shape", [28, 28, 1, 1], "at most 3 items"),
        ("data.shape", [28, 0, 1], "0 is not valid"),
        ("data.shape", [28.5, 28, 1], "28.5 is not valid"),
        ("data.range", [1, 0], "[1.0, 0.0] is not a range"),
        ("data.range", [0, float("inf")], "[0.0, inf] is not a range"),
        ("data.range", [float("nan"), 1], "[nan, 1.0] is not a range"),
        ("data.transposed", "no", "'no' is not valid"),
        ("evaluation", 5, "5 is not a table"),
        ("evaluation.holdout", 0, "0 is not valid"),
        ("evaluation.holdout", 1.0, "1.0 is not valid"),
        ("evaluation.holdout", "0.3", "'0.3' is not valid"),
        ("evaluation.holdout", float("nan"), "nan is not valid"),
        ("evaluation.folds", 1, "1 is not valid"),
        ("evaluation.folds", 2.0, "2.0 is not valid"),
        ("evaluation.metric", "loss", "'accuracy', 'balanced_accuracy', 'f1_macro'"),
        ("space", [], "[] is not a table"),
        ("space", {}, "is empty; give at least one"),
        ("space.C", [], "is empty; give at least one"),
        ("space.C", 3, "3 is neither a list nor bounds { low = 1, high = 10 }"),
        ("space.C", [1, [2]], "[2] is neither a finite number, a text nor true or false"),
        ("space.C", [1, float("inf")], "inf is neither a finite number"),
        ("space.C.low", "1", "'1' is not a finite number"),
        ("space.C.low", True, "True is not a finite number"),
        ("space.C.high", float("inf"), "inf is not a finite number"),
        ("space.C.high", 10**400, "is not a finite number"),
        ("space.C.low", float("nan"), "nan is not a finite number"),
        ("space.C.log", "yes", "'yes' is not valid"),
        ("fixed", 3, "3 is not a table"),
        ("fixed.C", [1], "[1] is neither a finite number"),
        ("sampler", "tpe", "'tpe' is not a table"),
        ("sampler", {"name": "best"}, "the name must be one of 'tpe', 'random', 'qmc', 'grid'"),
        ("sampler", {"n_startup_trials": 3}, "name is missing"),
        ("pruner", {"name": "best"}, "must be one of 'asha', 'halving', 'hyperband'"),
        ("budget", {}, "give at least one of trials, wall_time and steps"),
        ("budget.trials", 0, "0 is not valid"),
        ("budget.trials", "4", "'4' is not valid"),
        ("budget.steps", 0, "0 is not valid"),
        ("budget.wall_time", "soon", "'soon' is not a duration; write \"2h\""),
        ("budget.wall_time", "", "'' is not a duration"),
        ("budget.wall_time", "0s", "'0s' is not a duration"),
        ("budget.wall_time", "1m1h", "'1m1h' is not a duration"),
        ("budget.wall_time", "-1h", "'-1h' is not a duration"),
        ("budget.wall_time", 90, "90 is not a duration"),
        ("budget.wall_time", time(1, 30), "is not a duration"),
        ("budget.wall_time", "99999999999999h", "is too long"),
        ("warm_start", "coarse", "'coarse' is not a table"),
        ("warm_start", {"top": 3}, "is missing"),
        ("warm_start", {"study": "coarse", "top": 0}, "0 is not valid"),
        ("warm_start", {"study": "coarse", "top": 2.0}, "2.0 is not valid"),
        ("warm_start", {"study": "coarse", "top": True}, "True is not valid"),
        ("warm_start", {"study": 3}, "3 is not valid"),
        ("warm_start", {"study": ""}, "at least 1 character"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_its_key(content, key, value, problem):
    message = refusal(changed(content, key, value))
    assert message.startswith((f"my.toml: {key}: ", f"my.toml: {key}."))
    assert problem in message


@pytest.mark.parametrize(
    ("bounds", "problem"),
    [
        ({"low": 20, "high": 10}, "low (20) is above high (10)"),
        ({"low": 0, "high": 10, "log": True}, "a log scale needs low above 0, not 0"),
        ({"low": -0.5, "high": 10, "log": True}, "a log scale needs low above 0, not -0.5"),
        ({"low": 1, "high": 9, "step": 3}, "steps of 3 do not lead from 1 to 9"),
        ({"low": 1, "high": 10, "log": True, "step": 1}, "a log scale has no step; leave one"),
        ({"low": 1, "high": 10, "step": 0}, "step (0) is not above 0"),
        ({"low": 1, "high": 10, "step": -2}, "step (-2) is not above 0"),
    ],
)
def test_bounds_that_contradict_themselves_are_refused(content, bounds, problem):
    assert refusal(changed(content, "space.C", bounds)).startswith(f"my.toml: space.C: {problem}")


@pytest.mark.parametrize(
    ("section", "name", "option", "value"),
    [
        ("sampler", "tpe", "n_startup_trials", -1),
        ("sampler", "tpe", "n_ei_candidates", 0),
        ("sampler", "qmc", "scramble", "yes"),
        ("pruner", "asha", "min_resource", 0),
        ("pruner", "asha", "reduction_factor", 1),
        ("pruner", "hyperband", "min_resource", 0),
        ("pruner", "hyperband", "reduction_factor", 1.5),
        ("pruner", "median", "n_warmup_steps", -1),
        ("pruner", "median", "n_min_trials", 0),
        ("pruner", "percentile", "percentile", 100),
        ("pruner", "percentile", "percentile", 0),
        ("pruner", "percentile", "n_startup_trials", -1),
    ],
)
def test_an_option_that_is_not_allowed_is_refused_with_its_key(
    content, section, name, option, value
):
    options = {"percentile": 50} if name == "percentile" else {}
    message = refusal(changed(content, section, {"name": name, **options, option: value}))
    assert message.startswith(f"my.toml: {section}.{option}: {value!r} is not valid: ")


def test_percentile_pruning_needs_its_percentile(content):
    message = refusal(changed(content, "pruner", {"name": "percentile"}))
    assert message == "my.toml: pruner.percentile: is missing"


def test_a_study_named_like_one_of_its_sections_is_still_refused_by_key(content):
    message = refusal(changed(changed(content, "name", "budget"), "budget.trials", 0))
    assert message.startswith("my.toml: budget.trials: ")


@pytest.mark.parametrize(
    "evaluation", [{}, {"holdout": 0.3, "folds": 5}, {"metric": "accuracy"}], ids=str
)
def test_exactly_one_of_holdout_and_folds_is_wanted(content, evaluation):
    message = refusal({**content, "evaluation": evaluation})
    assert message == (
        "my.toml: evaluation: give either holdout (a share, such as 0.3) or folds (such as 5)"
    )


@pytest.mark.parametrize(
    ("metric", "better"),
    [
        ("accuracy", "maximize"),
        ("balanced_accuracy", "maximize"),
        ("f1_macro", "maximize"),
        ("error_rate", "minimize"),
    ],
)
def test_the_metric_says_which_way_is_better_and_a_direction_is_refused(content, metric, better):
    content["evaluation"]["metric"] = metric
    assert parse(content, "my.toml").direction == better
    assert refusal({**content, "direction": better}) == (
        'my.toml: unknown key "direction": evaluation.metric says which way is better; leave it out'
    )


def test_a_study_that_starts_from_itself_is_refused(content):
    message = refusal({**content, "warm_start": {"study": content["name"]}})
    assert message.startswith('my.toml: warm_start.study: "small" is this study itself; name the')


@pytest.mark.parametrize(("key", "name"), [("sampler", "tpe"), ("pruner", "none")])
def test_a_name_alone_is_refused_with_the_table_to_write(content, key, name):
    message = refusal({**content, key: name})
    assert (
        message == f"my.toml: {key}: '{name}' is not a table of keys; write {{ name = \"{name}\" }}"
    )


def test_a_name_is_refused_in_words(content):
    assert refusal({**content, "name": "my study"}) == (
        "my.toml: name: 'my study' is not valid: "
        'use letters, digits, ".", "_" and "-", of which a letter or digit comes first'
    )


def test_a_file_may_begin_with_the_mark_that_editors_of_windows_write(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SMALL, encoding="utf-8-sig")
    assert load_definition(path).model
