"""Collecting definitions from a package that a test writes."""

import importlib
import sys
from textwrap import dedent

import pytest

from hpo.errors import HpoError
from hpo.export.source import Collector, Import

TRAINING = '''
"""Trees of my own. And more about them."""

import os
import numpy as np
import numpy.linalg
from collections import Counter as Tally, deque
from my_family.helpers import halve
from my_family.values import Params

UNUSED = deque()
# How deep a tree is
# where nothing is said.
DEPTH, = (3,)
WIDTH: int = 5
LEFT = RIGHT = WIDTH


class Tree:
    """A tree."""

    def grow(self, params: Params):
        return halve(params.depth) + WIDTH


def unused():
    return os.getcwd()


def noisy(function):
    return function


# Trains.
@noisy
def fit(params: Params, X: np.ndarray):
    tree = Tree()
    return tree.grow(params), Tally(X)


def predict(X):
    return numpy.linalg.norm(X), LEFT, RIGHT
'''

HELPERS = '''
"""Small helpers"""

def third(number):
    return number / 3

def halve(number):
    return number / TWO

TWO = 2
'''

VALUES = '''
from dataclasses import dataclass

@dataclass(frozen=True)
class Params:
    """What it takes."""
    depth: int = 1
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Yield a function that writes a module of my_family."""
    folder = tmp_path / "my_family"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, text):
        (folder / f"{name}.py").write_text(dedent(text))
        importlib.invalidate_caches()

    for name, text in (("training", TRAINING), ("helpers", HELPERS), ("values", VALUES)):
        write(name, text)
    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_family"]:
        del sys.modules[name]


def collected(*names, module="training"):
    collector = Collector(("my_family",))
    collector.add(f"my_family.{module}", names)
    return collector


def code(collector):
    return "\n\n\n".join(collector.definitions())


@pytest.mark.usefixtures("package")
def test_only_what_is_named_is_taken_whole_and_in_the_order_of_the_file():
    assert code(collected("fit")) == dedent(
        '''
        def halve(number):
            return number / TWO


        TWO = 2


        @dataclass(frozen=True)
        class Params:
            """What it takes."""
            depth: int = 1


        WIDTH: int = 5


        class Tree:
            """A tree."""

            def grow(self, params: Params):
                return halve(params.depth) + WIDTH


        def noisy(function):
            return function


        # Trains.
        @noisy
        def fit(params: Params, X: np.ndarray):
            tree = Tree()
            return tree.grow(params), Tally(X)
        '''
    ).strip("\n")


@pytest.mark.usefixtures("package")
def test_a_module_comes_after_those_that_it_needs():
    text = code(collected("fit"))
    places = [text.index(part) for part in ("def halve", "class Params", "def fit")]
    assert places == sorted(places)


@pytest.mark.usefixtures("package")
def test_of_a_needed_module_only_the_used_definitions_are_taken():
    assert collected("fit").definitions()[:2] == [
        "def halve(number):\n    return number / TWO",
        "TWO = 2",
    ]
    assert "third" not in code(collected("fit"))


@pytest.mark.usefixtures("package")
def test_imports_are_those_used_under_the_names_used():
    statements = {needed.statement for needed in collected("fit").imports}
    assert statements == {
        "import numpy as np",
        "from collections import Counter as Tally",
        "from dataclasses import dataclass",
    }


@pytest.mark.usefixtures("package")
def test_a_module_of_a_package_is_imported_whole():
    assert Import("numpy.linalg", None, None) in collected("predict").imports


def test_modules_of_one_package_are_all_imported(package):
    package("training", "import os.path\nimport xml.dom\nimport xml.sax\nROOT = xml.sax, xml.dom\n")
    statements = {needed.statement for needed in collected("ROOT").imports}
    assert statements == {"import xml.dom", "import xml.sax"}


@pytest.mark.parametrize(
    "change",
    [
        "WIDTH += 1",
        "WIDTH = WIDTH * 2",
        "WIDTH.append(6)",
        "WIDTH[0] = 6",
        "WIDTH.size = 6",
        "del WIDTH[0]",
        "for one in range(3): WIDTH.append(one)",
        "if True: WIDTH = 6",
    ],
)
def test_what_another_statement_changes_is_refused(package, change):
    package("training", f"WIDTH = [5]\n{change}\nLAST = WIDTH\n")
    with pytest.raises(HpoError, match=r"WIDTH can't stand in a script: line [12] may change it"):
        collected("LAST").refuse_changes()


@pytest.mark.parametrize(
    "other",
    ["print(OTHER)", "OTHER.append(1)", "assert WIDTH", 'if __name__ == "__main__": print(WIDTH)'],
)
def test_other_statements_than_those_stay_behind(package, other):
    package("training", f"WIDTH = [5]\nOTHER = []\n{other}\nLAST = WIDTH\n")
    collector = collected("LAST")
    collector.refuse_changes()
    assert code(collector) == "WIDTH = [5]\n\n\nLAST = WIDTH"


@pytest.mark.usefixtures("package")
def test_a_statement_that_defines_two_names_is_taken_once():
    text = code(collected("predict"))
    assert text.count("LEFT = RIGHT = WIDTH") == 1
    assert "WIDTH: int = 5" in text


def test_a_comment_goes_with_what_is_below_it(package):
    package("training", "A = 1\n\n# Why B\n# is two.\nB = 2\n\n# Of C.\n\nC = 3\n")
    assert code(collected("B")) == "# Why B\n# is two.\nB = 2"
    assert code(collected("C")) == "C = 3"


def test_what_was_taken_runs(package):
    package("training", TRAINING.replace("DEPTH, = (3,)\n", ""))
    collector = collected("fit", "predict")
    imports = "\n".join(needed.statement for needed in collector.imports)
    scope = {}
    exec(f"{imports}\n" + "\n".join(collector.definitions()), scope)
    assert scope["fit"](scope["Params"](depth=4), "aab")[0] == 7
    assert scope["predict"]([3, 4]) == (5, 5, 5)


def test_a_relative_import_is_followed(package):
    package("training", "from .helpers import halve\n\ndef fit():\n    return halve(2)\n")
    assert "def halve" in code(collected("fit"))


def test_the_module_is_not_imported(package):
    package("training", "raise SystemExit\n\ndef fit():\n    return 1\n")
    assert "def fit" in code(collected("fit"))


def refusal(*names):
    with pytest.raises(HpoError) as refused:
        collected(*names)
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("statement", "used"),
    [
        ("import my_family.helpers", "my_family.helpers.halve"),
        ("import my_family.helpers as helpers", "helpers.halve"),
        ("from my_family.helpers import halve as half", "half"),
    ],
)
def test_an_own_module_must_be_imported_by_its_names(package, statement, used):
    package("training", f"{statement}\n\ndef fit():\n    return {used}(2)\n")
    assert refusal("fit") == (
        f"my_family.training: `{statement}` can't stand in a script: "
        "write `from my_family.helpers import NAME`"
    )


@pytest.mark.parametrize(
    ("statement", "used", "module"),
    [
        ("from hpo.data import load", "load", "hpo.data"),
        ("from hpo.data import load as read", "read", "hpo.data"),
        ("import hpo.data", "hpo.data", "hpo.data"),
        ("import hpo", "hpo", "hpo"),
        ("from hpo import data", "data", "hpo"),
    ],
)
def test_nothing_of_hpo_ships(package, statement, used, module):
    package("training", f"{statement}\n\ndef fit():\n    return {used}\n")
    assert refusal("fit") == f"my_family.training: a script can't use hpo, but it needs {module}"


def test_an_import_of_hpo_that_is_not_used_does_no_harm(package):
    package("training", "from hpo.data import load\n\ndef fit():\n    return 1\n")
    assert collected("fit").imports == set()


@pytest.mark.usefixtures("package")
def test_a_name_that_is_not_there_is_refused():
    assert refusal("save") == "my_family.training defines no save, so it can't be exported"


@pytest.mark.usefixtures("package")
def test_a_module_that_is_not_there_is_refused():
    with pytest.raises(HpoError, match=r"my_family\.forest has no source file"):
        collected("fit", module="forest")


def test_what_a_definition_binds_itself_is_not_looked_for(package):
    package(
        "training",
        """
        def fit(X, *rest, scale=1, **more):
            def inner(row):
                return row * scale
            try:
                import json as j
                total = [inner(row) for row in X if (twice := row)]
            except ValueError as error:
                return error, rest, more
            match total:
                case [first, *others]:
                    return first, others, twice, fit, j
        """,
    )
    assert collected("fit").imports == set()


def test_a_name_that_is_bound_elsewhere_in_the_definition_is_taken_still(package):
    package(
        "training",
        """
        def scale(row):
            return row

        class Tree:
            def grow(self, scale):
                return scale

            def fit(self):
                return scale(1)
        """,
    )
    assert "def scale(row)" in code(collected("Tree"))


@pytest.mark.parametrize(
    "text",
    [
        "A, B = 1, 2",
        "if True:\n    A = 1",
        "from my_family.helpers import *",
        "for A in []: pass",
        "",
    ],
)
def test_a_name_that_comes_from_nowhere_is_refused(package, text):
    package("training", f"{text}\n\ndef fit():\n    return A\n")
    assert refusal("fit").startswith(
        "my_family.training: fit can't stand in a script: it uses A, which is neither"
    )


def test_two_modules_can_not_bring_the_same_name(package):
    package("helpers", "def half(n):\n    return n / third(n)\n\ndef third(n):\n    return n\n")
    package(
        "training",
        "from my_family.helpers import half\n\ndef third():\n    return 3\n\n"
        "def fit():\n    return half(third())\n",
    )
    assert "third can't stand in a script: my_family." in refusal("fit")


@pytest.mark.parametrize(
    "statement", ["from hpo.data import load", "import hpo", "from my_family.helpers import halve"]
)
def test_an_import_inside_of_a_function_may_not_hide_what_does_not_ship(package, statement):
    package("training", f"def fit():\n    {statement}\n    return 1\n")
    assert f"`{statement}` can't stand in a script" in refusal("fit")


def test_an_import_inside_of_a_function_goes_with_it(package):
    package("training", "def fit():\n    import numpy as np\n    return np.pi\n")
    collector = collected("fit")
    assert collector.imports == set()
    assert collector.inside == {Import("numpy", None, "np")}
    assert "import numpy as np" in code(collector)


def test_modules_may_need_each_other(package):
    package("helpers", "from my_family.training import DEPTH\n\ndef halve(n):\n    return DEPTH\n")
    package(
        "training",
        "from my_family.helpers import halve\n\nDEPTH = 3\n\ndef fit():\n    return halve(1)\n",
    )
    assert collected("fit").definitions() == [
        "def halve(n):\n    return DEPTH",
        "DEPTH = 3",
        "def fit():\n    return halve(1)",
    ]
