"""What is left of training code where a trial's values are known."""

import ast
import re
from dataclasses import dataclass
from importlib import import_module
from textwrap import dedent
from types import SimpleNamespace

import pytest

from hpo.export.generators import Symbol
from hpo.export.known import Several
from hpo.export.source import Collector
from hpo.export.specialise import specialise
from hpo.training.params.cnn import Params
from hpo.training.task import Task

KNOWN = {
    "params": SimpleNamespace(kind="b", rate=0.5, depth=2, off=0, classes=(1, 2, 3, 4, 5)),
    "task": SimpleNamespace(shape=(4, 6), weights=None),
    "on_step": None,
}

# What a function becomes, by what is shown.
CASES = {
    "values": ("return f(params.rate, X)", "return f(0.5, X)"),
    "several values": ("return (X, f((params.rate, X)))", "return X, f((0.5, X))"),
    "several names": (
        "a, b = (X, (params.depth, 'ü'))\nreturn g(a, b)",
        "a, b = X, (2, 'ü')\nreturn g(a, b)",
    ),
    "a tuple": ("a = (X, params.depth)\nreturn g(a)", "a = (X, 2)\nreturn g(a)"),
    "the only item": ("[(a, b)] = [f(X, params.depth)]\nreturn a", "a, b = f(X, 2)\nreturn a"),
    "arithmetic": ("return X[: params.depth * 3 + 1]", "return X[:7]"),
    "a call of what is pure": ("return X - len(task.shape)", "return X - 2"),
    "an item": ("return X.reshape(-1, task.shape[1])", "return X.reshape(-1, 6)"),
    "the branch taken": (
        """
        if params.kind == "a":
            X = f(X)
        elif params.kind == "b":
            X = g(X)
        else:
            X = h(X)
        return X
        """,
        "X = g(X)\nreturn X",
    ),
    "no branch": ("if params.off:\n    X = f(X)\nreturn X", "return X"),
    "nothing after the end": ("if params.rate > 0:\n    return X\nreturn f(X)", "return X"),
    "a branch on what is not known": (
        "if X.any():\n    X = X * params.rate\nreturn X",
        "if X.any():\n    X = X * 0.5\nreturn X",
    ),
    "a choice": ("return f(X) if params.rate > 1 else g(X)", "return g(X)"),
    "a condition that is half known": (
        "return g(X) if params.rate > 0 and X.any() else X",
        "return g(X) if X.any() else X",
    ),
    "a condition that decides": ("return params.rate > 1 and f(X)", "return False"),
    "an entry of a table": ("return TABLE[params.kind](X)", "return g(X)"),
    "keywords": (
        "return f(**({'a': 1} if params.depth else {}), **({'b': 1} if params.off else {}))",
        "return f(a=1)",
    ),
    "keywords that nothing came to": (
        "options = {}\nif params.off:\n    options = {'a': 1}\nreturn f(X, **options)",
        "return f(X)",
    ),
    "a block of nothing": (
        "for x in X:\n    if params.off:\n        f(x)\nreturn X",
        "for x in X:\n    pass\nreturn X",
    ),
    "a variable that is always the same": (
        "seen = None\nif params.off:\n    seen = f(X)\nreturn g(X, seen)",
        "return g(X, None)",
    ),
    "a variable that changes": (
        "total = 0\nfor x in X:\n    total = total + x * params.rate\nreturn total",
        "total = 0\nfor x in X:\n    total = total + x * 0.5\nreturn total",
    ),
    "nobody listens": ("if on_step is not None:\n    on_step(1, X)\nreturn X", "return X"),
    "a loop of a function": (
        "for _ in range(params.depth):\n    X = f(X)\nreturn X",
        "for _ in range(2):\n    X = f(X)\nreturn X",
    ),
    "a type that only a checker asks for": (
        "y: Rows = f(X, params.rate)\nreturn y",
        "return f(X, 0.5)",
    ),
    "a long tuple by its name": ("return f(X, params.classes)", "return f(X, CLASSES)"),
}


def left(code, known=KNOWN, entries=("fit",)):
    texts = [ast.unparse(node) for node in ast.parse(dedent(code)).body]
    return specialise(texts, known, entries)


def fit(body):
    lines = "\n".join(f"    {line}" for line in dedent(body).strip().splitlines())
    return f"def fit(params, task, X, on_step=None):\n{lines}\nTABLE = {{'a': f, 'b': g}}"


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_a_function(before, after):
    code = "\n".join(text for text in left(fit(before)).texts if text)
    expected = "\n".join(f"    {line}" for line in after.splitlines())
    assert code == f"def fit(X):\n{expected}"


@dataclass(frozen=True)
class Choice:
    kind: str
    rate: float
    depth: int = 2


SEVERAL = {"params": Several([Choice("a", 0.5), Choice("b", 0.25)])}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return params.depth", "return 2"),
        ("return f(X) if params.rate > 0 else X", "return f(X)"),
        ("if params.kind == 'c':\n    X = f(X)\nreturn X", "return X"),
        ("if params.kind == 'a':\n    X = f(X)\nreturn X", None),
        ("return params.rate", None),
        ("return params.depth > 1 and params.rate > 0.3", "return params.rate > 0.3"),
    ],
)
def test_of_several_what_is_the_same_for_all_is_known(before, after):
    body = dedent(before).strip().replace("\n", "\n    ")
    source = f"def fit(params, X):\n    {body}"
    (text,) = specialise([source], SEVERAL, ["fit"], frozenset({"params"})).texts
    expected = source if after is None else f"def fit(params, X):\n    {after}"
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(expected))


def test_a_long_tuple_is_a_constant_of_the_script():
    assert left(fit("return f(X, params.classes)")).constants == {"CLASSES": (1, 2, 3, 4, 5)}
    assert left(fit("return X[:params.rate]")).constants == {}


GENERATOR = """
def fit(params, X):
    return build([*parts(params, X)])

def parts(params, X):
    '''Give the parts.'''
    width = 4
    for number in range(params.depth):
        yield from pair(params, width)
        width *= 2
    if params.off:
        yield layers.Off()
    yield layers.Last(X.shape, kind=params.kind, first=number)

def pair(params, width):
    yield layers.Part(width, rate=params.rate)
    yield layers.Norm()
"""


def test_a_generator_becomes_a_list():
    first, second, third = left(GENERATOR).texts
    assert first == "def fit(X):\n    return build(parts(X))"
    assert second == (
        "def parts(X):\n    '''Give the parts.'''\n    "
        "return [layers.Part(4, rate=0.5), layers.Norm(), layers.Part(8, rate=0.5), "
        "layers.Norm(), layers.Last(X.shape, kind='b', first=1)]"
    ).replace("'''", '"""')
    assert third is None


@pytest.mark.parametrize(
    "loop", ["while True:", "for row in X:", "for _ in range(params.depth + len(X)):"]
)
def test_a_generator_that_goes_on_as_long_as_the_rows_stays_one(loop):
    code = f"""
    def fit(params, X):
        return [*parts(params, X)]

    def parts(params, X):
        {loop}
            yield f(X, params.rate)
    """
    _, parts = left(code).texts
    assert "yield f(X, 0.5)" in parts


def test_a_generator_that_asks_what_is_not_known_stays_one():
    code = """
    def fit(params, X, size):
        return [*parts(params, X, size)]

    def parts(params, X, size):
        if size == "large":
            yield f(params.rate)
        yield g(X)
    """
    _, parts = left(code).texts
    assert "if size == 'large':\n        yield f(0.5)" in parts


def test_what_is_called_once_and_only_returns_stands_where_it_was_called():
    code = """
    def fit(params, X):
        return [*hooks(params, X)] + [rate(params, X), many(params), many(params)]

    def hooks(params, model):
        if params.depth > 1:
            yield Hook(model)

    def rate(params, y):
        return y * params.rate

    def many(params):
        return [params.depth, "of which there is more than could stand in the place of a call"]
    """
    texts = [text for text in left(code).texts if text]
    assert texts == [
        "def fit(X):\n    return [Hook(X)] + [X * 0.5, many(), many()]",
        "def many():\n    "
        "return [2, 'of which there is more than could stand in the place of a call']",
    ]


def test_what_is_shorter_than_a_call_stands_wherever_it_was_called():
    code = """
    def fit(params, X):
        return g(short(params, X)) + short(params, X)

    def short(params, X):
        return X + params.depth
    """
    assert left(code).texts == ("def fit(X):\n    return g(X + 2) + (X + 2)", None)


def test_what_is_read_as_a_whole_stays_an_argument_with_nothing_in_its_place():
    code = """
    def fit(params, task, X):
        return show(params, X) * params.rate * task.shape[0]

    def show(params, X):
        return asdict(params)
    """
    found = left(code)
    assert found.texts[0] == (
        "def fit(params, X):\n    return asdict(params) * params.rate * 4"
        if found.texts[1] is None
        else "def fit(params, X):\n    return show(params, X) * params.rate * 4"
    )
    assert "params" not in found.known
    assert "task" in found.known


def test_a_known_argument_under_another_name_stays_one():
    code = """
    def fit(params, X):
        return other(params, X)

    def other(p, X):
        a = p.rate
        return a
    """
    assert left(code).texts == (
        "def fit(params, X):\n    return other(params, X)",
        "def other(p, X):\n    a = p.rate\n    return a",
    )


def test_a_definition_that_nothing_changes_keeps_its_comments():
    text = "def helper(X):  # the reason\n    X += 1\n    return (X\n            + 1)"
    found = specialise(["def fit(X):\n    return [helper(X), helper(X)]", text], KNOWN, ["fit"])
    assert found.texts[1] == text


def test_a_class_that_has_a_field_of_a_function_s_name_does_not_need_the_function():
    code = """
    def fit(params, task, X):
        return Part(X), params.rate

    class Part:
        helper: int = 0

    def helper(X):
        return X
    """
    assert left(code).texts[2] is None


def test_a_symbol_decides_nothing():
    with pytest.raises(TypeError, match="not known"):
        bool(Symbol("x"))
    with pytest.raises(TypeError, match="not known"):
        assert Symbol("x") == 1


# ---- the real code

FIRST = {"blocks": 1, "dense_units": 8, "epochs": 2}
NETWORKS = [
    FIRST,
    {**FIRST, "blocks": 3, "convolutions": 2, "widening": 1.5, "batch_norm": True, "dropout": 0.2},
    {**FIRST, "downsampling": "stride", "closing": "convolution", "padding": "valid"},
    {**FIRST, "closing": "average", "threshold": 0.5, "activation": "gelu", "init": "he"},
    {**FIRST, "dropout": 0.3, "dropout_at": "dense", "batch_norm": True, "dense_units": 0},
]
TASK = Task(shape=(16, 12, 1), classes=(2, 5, 9))


def of_the_network(params, task=TASK):
    collector = Collector(("hpo.training",))
    collector.add("hpo.training.cnn", ["fit", "predict", "save"])
    texts = collector.definitions()
    known = {"params": params, "task": task, "on_step": None}
    found = specialise(texts, known, ["fit", "predict", "save"])
    return "\n\n".join(text for text in found.texts if text)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("values", NETWORKS, ids=str)
def test_the_list_is_what_the_generator_gives(values):
    keras = pytest.importorskip("keras")
    network = import_module("hpo.training.network").network
    params = Params(**values)
    scope = {"keras": keras, "layers": keras.layers}
    (function,) = re.findall(r"^def network.*?(?=^\S)", of_the_network(params), re.S | re.M)
    exec(function, scope)
    assert configs(scope["network"]()) == configs(network(params, TASK))


def configs(layers):
    """Return what each layer is, but for its name, which is counted up."""
    first, *others = layers
    found = [(type(layer).__name__, layer.get_config()) for layer in others]
    for _, config in found:
        config.pop("name")
    return [first.shape, *found]


def test_only_what_the_trial_used_is_there():
    plain = of_the_network(Params(**FIRST))
    for absent in (
        "augment",
        "SwapEMA",
        "EarlyStopping",
        "Plateau",
        "Cosine",
        "AdamW",
        "train_test_split",
    ):
        assert absent not in plain
    full = of_the_network(
        Params(
            **FIRST,
            augmentation=True,
            rotation=5.0,
            ema=0.9,
            patience=2,
            optimizer="adamw",
            weight_decay=0.1,
            schedule="cosine",
        )
    )
    for present in (
        "def augment",
        "SwapEMA",
        "EarlyStopping",
        "Cosine",
        "AdamW",
        "train_test_split",
    ):
        assert present in full
    assert "params" not in plain + full
    assert "bilinear" not in full
