"""Values that a person gives to a trial, on the command line or in a file."""

import pytest

from hpo.definition import load_trials, parse_assignments
from hpo.errors import DefinitionError


def refusal(read, *arguments):
    """The one line that says what is wrong."""
    with pytest.raises(DefinitionError) as refused:
        read(*arguments)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("1_000", 1000),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("true", True),
        ("false", False),
        ("rmsprop", "rmsprop"),
        ('"rmsprop"', "rmsprop"),
        ("'rmsprop'", "rmsprop"),
        ('"3"', "3"),
        ("two words", "two words"),
        ("a=b", "a=b"),
        ("", ""),
        ("True", "True"),  # a text to TOML, and refused where true is meant
        (".5", ".5"),
        ('"open', '"open'),
        ("[1, 2]", [1, 2]),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_a_value_is_read_as_toml_or_else_as_a_text(text, value):
    given = parse_assignments([f"name={text}"], "here")
    assert given.source == "here"
    assert repr(given.values) == repr({"name": value})


def test_an_integer_of_too_many_digits_is_a_text_that_no_parameter_takes():
    digits = "1" * 5000
    assert parse_assignments([f"C={digits}"], "here").values == {"C": digits}


def test_several_values_are_read_in_their_order():
    given = parse_assignments(["kernel=rbf", "C=100", "gamma=0.05"], "here")
    assert [*given.values.items()] == [("kernel", "rbf"), ("C", 100), ("gamma", 0.05)]


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["kernel"], 'here: "kernel" is not a value; write name=value'),
        (["=3"], 'here: "=3" is not a value; write name=value'),
        (["C=1", "C=2"], "here: C=2: C is given twice"),
    ],
)
def test_what_is_no_value_is_refused(texts, problem):
    assert refusal(parse_assignments, texts, "here") == problem


def test_a_file_holds_a_table_for_each_trial(tmp_path):
    path = tmp_path / "best.toml"
    path.write_text('[[trials]]\nkernel = "rbf"\nC = 100\n[[trials]]\nC = 1.5\n')
    first, second = load_trials(path)
    assert (first.source, first.values) == (f"{path}: [[trials]] 1", {"kernel": "rbf", "C": 100})
    assert (second.source, second.values) == (f"{path}: [[trials]] 2", {"C": 1.5})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, ": there is no such file"),
        ("C = ", ": is not TOML"),
        ("", ": trials: is missing; write a table [[trials]] for each"),
        ("trials = []", ": trials: is missing"),
        ("[trials]\nC = 1", ": trials: is missing"),
        ("C = 1", ': unknown key "C"; allowed here: trials'),
        ("[[trials]]\nC = 1\n[[trial]]\nC = 2", ': unknown key "trial"; allowed here: trials'),
        ("[[trials]]\nC = 1\n[[trials]]", ": [[trials]] 2: is not a table of values"),
        ("trials = [1]", ": [[trials]] 1: is not a table of values"),
    ],
)
def test_a_file_of_anything_else_is_refused(tmp_path, text, problem):
    path = tmp_path / "best.toml"
    if text is not None:
        path.write_text(text)
    assert refusal(load_trials, path).startswith(f"{path}{problem}")
