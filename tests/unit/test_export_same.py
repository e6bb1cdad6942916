"""Whatever training code does, it does the same where a trial's values are known."""

from math import inf
from textwrap import dedent, indent
from types import SimpleNamespace

import pytest

from hpo.export.source import Collector, Source
from hpo.export.specialise import specialise

PARAMS = SimpleNamespace(k=3, flag=False, on=True, rate=0.5, top=inf, classes=(1, 2, 3, 4, 5))
KNOWN = {"params": PARAMS, "task": SimpleNamespace(shape=(4,), labels=(9, 8, 7, 6, 5))}

# What a function does, by what could go wrong.
BODIES = {
    "a dictionary that is filled": """
        options = {}
        options["p"] = 1
        return dict(k=params.k, **options)
    """,
    "a dictionary that is changed by a method": """
        options = {}
        options.update(p=params.k)
        return dict(**options)
    """,
    "a dictionary that another sees": """
        seen = {}
        note(seen, params.k)
        return dict(**seen)
    """,
    "a dictionary under two names": """
        options = others = {}
        others["p"] = params.k
        return dict(**options)
    """,
    "a dictionary that is returned": "seen = {}\nreturn seen is seen, params.k",
    "a loop without a body": "for x in X:\n    if params.flag:\n        note(X, x)\nreturn x",
    "a while without a body": """
        rows = iter(X)
        while next(rows) < 3:
            if params.flag:
                note(X, 1)
        return [*rows]
    """,
    "a try without a body": """
        try:
            if params.flag:
                note(X, 1)
        except ValueError:
            return None
        return params.k
    """,
    "a finally without a body": """
        try:
            return params.k
        finally:
            if params.flag:
                note(X, 1)
    """,
    "an except without a body": """
        try:
            X.missing
        except AttributeError:
            if params.flag:
                raise
        return params.k
    """,
    "a with without a body": """
        with quiet():
            if params.flag:
                note(X, 1)
        return params.k
    """,
    "a match without a body": """
        match X:
            case [*_]:
                if params.flag:
                    note(X, 1)
        return params.k
    """,
    "a function without a body": """
        def inner():
            if params.flag:
                return 1
        return inner()
    """,
    "an else without a body": """
        for x in X:
            pass
        else:
            if params.flag:
                x = 0
        return x
    """,
    "a lambda's own name": "k = 3\nreturn [*map(lambda k: k, X)], k, params.k",
    "a comprehension's own name": "k = 3\nreturn [k for k in X], k, params.k",
    "an inner function's own name": """
        k = 3
        def inner(k):
            return k * params.rate
        return inner(2), k
    """,
    "an inner function's variable": """
        k = 3
        def inner():
            k = 5
            return k * params.rate
        return inner(), k
    """,
    "an inner function's own params": """
        def inner(params):
            return params["k"]
        return inner({"k": 7}), params.k
    """,
    "a lambda's own params": "return (lambda params: params.k)(Other()), params.k",
    "a comprehension's own params": "return [params.k for params in [Other()]]",
    "a variable of a function around": """
        count = 0
        def more():
            nonlocal count
            count += params.k
        more()
        return count
    """,
    "an argument that becomes a constant": "k = X\nX = 3\nreturn k, X, params.k",
    "a default of the module": """
        scale = 3
        def inner(x=scale):
            return x * params.k
        return inner()
    """,
    "two names of one constant": "a = b = 3\nreturn a + b + params.k",
    "only a constant": "unused = 3",
    "an exception's name": """
        error = None
        try:
            X.missing
        except AttributeError as error:
            return str(error), params.k
        return error
    """,
    "a module's variable": "global total\ntotal = 5\nreturn helper(), params.k",
    "a name within a condition": "if (n := params.k) > 1:\n    return n\nreturn 0",
    "an own name that Python has": "max = min\nreturn max(params.k, 5)",
    "an own name of a table": "LOOK = {'a': 1}\nreturn LOOK['a'], params.k",
    "an own name of a table's entry": "helper = abs\nreturn TABLE['a'](-5), helper(-5), params.k",
    "a table that is changed": "CACHE['a'] += params.k\nreturn CACHE['a']",
    "a table that another changes": "note(STORE, params.k)\nreturn STORE['p'], STORE['a']",
    "a table that makes nothing new": "return MADE['a'] is MADE['a'], params.k",
    "an own name of a long tuple": "CLASSES = len(params.classes)\nreturn CLASSES, params.classes",
    "two long tuples of one name": "return other(task, X), params.classes",
    "keywords that are no names": "return dict(**{'a b': params.k}, **{'class': 1})",
    "keywords of a variable": "name = 'p' + str(X[0])\nreturn dict(**{name: params.k}, **{**{}})",
    "a width in a format": "return f'{X[0]:{params.k}}|{params.rate:.2f}'",
    "a number without an end": "return params.top, params.k",
    "something that is set": "other = Other()\nother.k = params.k\nreturn other.k",
    "params as a whole, as a text": "return f'{params}' == str(params)",
    "a callback that is nothing": "seen = None\nif seen:\n    seen(X)\nreturn params.k",
    "a variable with a type that another reads": """
        def more():
            return later[0] + 1
        def last(found):
            return found[0] + len(X) if len(X) > params.k else more()
        later: list = [params.k]
        return later
    """,
    "a constant that is compared": "k = 3\nreturn (X[0] is k) in (True, False), params.k",
}
MODULE = """
CACHE = {"a": 1}
STORE = {"a": 1}
MADE = {"a": Other()}
LOOK = {"a": 7}
total = 1
def helper(x=0):
    x = abs(x)
    return total + x
def other(task, X):
    return task.labels, X
def note(seen, value):
    seen["p"] = value
    return seen
TABLE = {"a": helper}
"""

# Whole modules, by what could go wrong.
MODULES = {
    "a method's own params": """
        class Optimizer:
            def step(self, params, grads):
                return [p - g for p, g in zip(params, grads)]
        def fit(params, task, X):
            return Optimizer().step(X, X), Optimizer().step([params.k], [1])
    """,
    "a method that passes on what is its own": """
        def helper(params, x):
            return params.k * x
        class Part:
            def run(self, params):
                return helper(params, 2)
        def fit(params, task, X):
            return Part().run(Other()), helper(params, 2)
    """,
    "a helper that gets something else": """
        def helper(params, x):
            return params.k * x
        def fit(params, task, X):
            return helper(Other(), 2) + helper(params, 1)
    """,
    "a helper that is handed over": """
        def helper(params):
            return params.k
        def fit(params, task, X):
            return [*map(helper, [Other(), Other()])]
    """,
    "a helper that has a default": """
        def helper(X, params=None):
            return 0 if params is None else params.k
        def fit(params, task, X):
            return helper(X), params.k
    """,
    "a helper that gets a keyword": """
        def helper(X, *, task=None):
            return 0 if task is None else task.k
        def fit(params, task, X):
            return helper(X, task=Other()), params.k
    """,
    "a helper that gets what is in a tuple": """
        def helper(x, params):
            return params.k
        def fit(params, task, X):
            pair = (1, Other())
            return helper(*pair), params.k
    """,
    "a helper that gets arguments by place only": """
        def helper(x, params, /, y=2):
            x = x + params.k
            return x, y
        def fit(params, task, X):
            return helper(1, params), helper(1, params, 5)
    """,
    "a helper's name within a function": """
        def scale(params, x):
            x = x + 1
            return x * params.k
        def fit(params, task, X):
            return (lambda scale: scale(params, 2))(lambda p, x: (p.k, x)), scale(params, 1)
    """,
    "a helper's name as another one's variable": """
        def scale(x):
            x = x + 1
            return x
        def other(x):
            scale = 5
            scale += x
            return scale
        def fit(params, task, X):
            return scale(params.k), other(1)
    """,
    "a helper's name as another method's argument": """
        def scale(x):
            x = x + 1
            return x
        class Part:
            def one(self, scale):
                return scale
            def two(self):
                return scale(3)
        def fit(params, task, X):
            return Part().one(params.k), Part().two()
    """,
    "a function with a variable of its own": """
        def scaled(x):
            return (total := x * 2) + total
        def fit(params, task, X):
            total = params.k
            return scaled(5), total
    """,
    "a function that sets its argument in an expression": """
        def more(x):
            return (x := x + 1) * 2
        def fit(params, task, X):
            return more(1), params.k
    """,
    "a function with a variable, called in a comprehension": """
        def scaled(x):
            return [(total := x * 2), total]
        def fit(params, task, X):
            return [y for y in scaled(params)] if params.flag else [y for y in scaled(5)]
    """,
    "a function that only describes itself": """
        def hook(x):
            '''Do nothing.'''
        def fit(params, task, X):
            return hook(X), params.k
    """,
    "a function that asks for a keyword": """
        def scale(x, *, by=2):
            return x * by
        def fit(params, task, X):
            return scale(X), params.k
    """,
    "a function with a decorator": """
        @doubled
        def one(x):
            return x
        def fit(params, task, X):
            return one(X), params.k
    """,
    "a constant under a name of the caller's": """
        SCALE = 2
        def scaled(x):
            return x * SCALE
        def fit(params, task, X):
            SCALE = X[0]
            return scaled(5), SCALE, params.k
    """,
    "an own function of Python's name": """
        def round(x):
            x = x + 10
            return x
        def fit(params, task, X):
            return round(params.rate)
    """,
    "a variable that a function changes": """
        COUNT = 0
        def fit(params, task, X):
            global COUNT
            COUNT += params.k
            return COUNT
    """,
    "a generator of nothing": """
        def parts(params, X):
            for x in X:
                if params.flag:
                    yield x
        def fit(params, task, X):
            return [*parts(params, X)]
    """,
    "a generator that draws": """
        def parts(params):
            rng = random.Random(0)
            for _ in range(params.k):
                yield rng.random()
        def fit(params, task, X):
            return [*parts(params)]
    """,
    "a generator that does more": """
        def parts(params, seen):
            for number in range(params.k):
                seen.append(number)
                yield Other(number).k
        def fit(params, task, X):
            seen = []
            return [*parts(params, seen)], seen
    """,
    "a generator whose item comes twice": """
        def parts(params):
            one = Other()
            for _ in range(params.k):
                yield one
        def fit(params, task, X):
            return len({*map(id, [*parts(params)])})
    """,
    "a generator that is asked for the next": """
        def parts(params):
            for number in range(params.k):
                yield Other(number).k
        def fit(params, task, X):
            found = parts(params)
            return next(found), next(found)
    """,
    "a generator that may get nothing": """
        def parts(params, last=None):
            yield Other(params.k).k
            if last is not None:
                yield last
        def fit(params, task, X):
            return [*parts(params)]
    """,
    "a generator that tries": """
        def parts(params, x):
            try:
                yield Other(x + 1).k
            except TypeError:
                yield params.k
        def fit(params, task, X):
            return [*parts(params, 1)]
    """,
    "a generator that is a context": """
        @contextmanager
        def kept(params, seen):
            seen.append(params.k)
            yield
        def fit(params, task, X):
            with kept(params, X):
                return [*X]
    """,
    "a generator that writes": """
        def parts(params, x):
            for number in range(params.k):
                yield Other(f"{number} of {x}").k
        def fit(params, task, X):
            return [*parts(params, X[0])]
    """,
    "a generator of what a helper names": """
        def parts(params, random):
            yield Other(random).k
            yield from more(params)
        def more(params):
            yield random.Random(params.k).random()
        def fit(params, task, X):
            return [*parts(params, 5)]
    """,
    "a generator of a constant": """
        FIRST = Other()
        def parts(params):
            yield FIRST
            yield FIRST.k + params.k
        def fit(params, task, X):
            return [*parts(params)][0] is FIRST
    """,
}


def module_of(body):
    return f"{MODULE}def fit(params, task, X):\n{indent(dedent(body).strip(), '    ')}\n"


CASES = {
    **{name: module_of(body) for name, body in BODIES.items()},
    **{name: dedent(code) for name, code in MODULES.items()},
}
HEAD = """
import random
from contextlib import contextmanager, nullcontext
def quiet():
    return nullcontext()
def doubled(function):
    return lambda x: (function(x), function(x))
class Other:
    def __init__(self, k=11):
        self.k = k
"""


def given(texts, arguments):
    """Return what the function fit of definitions gives for arguments."""
    scope = {}
    exec("\n\n".join([HEAD, *texts]), scope)
    return repr(scope["fit"](*arguments))


@pytest.mark.parametrize("code", CASES.values(), ids=CASES)
@pytest.mark.parametrize("partly", [False, True], ids=["known", "partly"])
def test_it_does_the_same(code, partly, tmp_path, monkeypatch):
    (tmp_path / "own_training.py").write_text(HEAD + code)
    monkeypatch.syspath_prepend(tmp_path)
    collector = Collector(("own_training",))
    collector.add("own_training", ["fit"])
    texts = collector.definitions()
    some = frozenset({"params"} if partly else ())
    left = specialise(texts, KNOWN, ["fit"], some)
    constants = [f"{name} = {value!r}" for name, value in left.constants.items()]
    arguments = [value for name, value in KNOWN.items() if name not in left.known]
    found = given([*constants, *filter(None, left.texts)], [*arguments, [1, 2, 3]])
    assert found == given([Source("own_training").text], [*KNOWN.values(), [1, 2, 3]])
