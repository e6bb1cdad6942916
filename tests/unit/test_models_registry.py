import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hpo.errors import DefinitionError
from hpo.models import BUILT_IN, POSITIVE, Climb, Model, OnlyIf, resolve

OWN = """
from dataclasses import dataclass
from hpo.models import Climb, Model

@dataclass(frozen=True)
class Params:
    epochs: int

TREE = Model(Params=Params, training=__name__, climb=Climb.EPOCHS)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_model_is_found_without_importing_its_training_code(name):
    model = resolve(name, "my.toml")
    assert isinstance(model, Model)
    assert model.parameters


@pytest.mark.parametrize("name", BUILT_IN)
def test_nothing_is_imported_from_the_working_folder_for_a_built_in_model(here, name):
    resolve(name, "my.toml")
    assert str(here) not in sys.path


def test_the_built_in_models_climb_as_they_should():
    assert resolve("svm", "").climb is Climb.SAMPLES
    assert resolve("cnn", "").climb is Climb.EPOCHS


def test_your_own_model_is_found_in_the_working_folder(here):
    (here / "own_family.py").write_text(OWN)
    model = resolve("own_family:TREE", "my.toml")
    assert list(model.parameters) == ["epochs"]
    assert model.climb is Climb.EPOCHS


def test_your_own_model_is_found_on_the_path(here, monkeypatch):
    package = here / "elsewhere" / "own_package"
    package.mkdir(parents=True)
    (package / "family.py").write_text(OWN)
    monkeypatch.syspath_prepend(package.parent)
    assert list(resolve("own_package.family:TREE", "my.toml").parameters) == ["epochs"]


def refusal(name):
    with pytest.raises(DefinitionError) as refused:
        resolve(name, "my.toml")
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith("my.toml: model: ")
    return message


@pytest.mark.parametrize("name", ["forest", "SVM", "", "own_family"])
def test_an_unknown_name_is_refused_with_the_built_in_ones(name):
    message = refusal(name)
    assert f'"{name}" is none of svm, cnn' in message
    assert '"package.module:Name"' in message


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("no_such_package.family:TREE", "folder that holds no_such_package, or"),
        ("hpo.models.svm:TREE", "has no attribute 'TREE'"),
        ("hpo.models.svm:", "can't be imported"),
        (":TREE", "can't be imported"),
        (".family:TREE", "can't be imported"),
        ("hpo.models.svm:Params", '"hpo.models.svm:Params" is not an hpo.models.Model'),
        ("os:path", '"os:path" is not an hpo.models.Model'),
    ],
)
def test_what_is_no_model_is_refused(name, problem):
    assert problem in refusal(name)


@pytest.mark.parametrize("text", ["def broken(:", "import no_such_package"])
def test_a_module_that_can_not_be_imported_is_refused(here, text):
    Path(here / "own_family.py").write_text(text)
    message = refusal("own_family:TREE")
    assert "own_family:TREE can't be imported: " in message
    assert "PYTHONPATH" not in message  # it was found


def test_the_training_code_is_imported_when_it_is_asked_for():
    model = resolve("svm", "")
    assert {"fit", "predict", "save"} <= set(vars(model.code))


def test_a_model_whose_training_code_is_missing_is_refused(here):
    (here / "own_family.py").write_text(OWN.replace("__name__", '"own_family.nowhere"'))
    assert "own_family.nowhere, which is missing" in refusal("own_family:TREE")


@pytest.mark.parametrize("text", ["def broken(:", "import no_such_package", "1 / 0"])
def test_training_code_in_a_package_that_can_not_be_imported_is_refused(here, text):
    (here / "own_family.py").write_text(OWN.replace("__name__", '"broken_package.code"'))
    (here / "broken_package").mkdir()
    (here / "broken_package" / "__init__.py").write_text(text)
    (here / "broken_package" / "code.py").touch()
    assert "trains in broken_package.code, which can't be imported: " in refusal("own_family:TREE")


@dataclass(frozen=True)
class Params:
    depth: int
    leaves: int


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"Params": int}, "not a dataclass"),
        ({"climb": Climb.EPOCHS}, "no field epochs"),
        ({"limits": {"width": POSITIVE}}, "no field width"),
        ({"only_if": {"width": OnlyIf("depth", (1,))}}, "no field width"),
        ({"only_if": {"leaves": OnlyIf("width", (1,))}}, "no field width"),
        ({"only_if": {"depth": OnlyIf("leaves", (1,))}}, "leaves must stand above depth"),
        ({"only_if": {"leaves": OnlyIf("depth", (1,))}}, "leaves needs a default"),
    ],
)
def test_a_model_that_contradicts_its_params_is_refused(declared, problem):
    with pytest.raises(TypeError, match=problem):
        Model(**{"Params": Params, "training": "json", **declared})


def test_a_parameter_of_a_type_without_values_is_refused():
    @dataclass(frozen=True)
    class Odd:
        depth: int
        options: dict

    with pytest.raises(TypeError, match=r"Params\.options may be an int, .* not dict$"):
        Model(Params=Odd, training=__name__)
