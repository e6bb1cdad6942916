"""Importing a model's training code, and what it loads with it."""

import sys
from types import ModuleType

import pytest

from hpo.models.svm import SVM
from hpo.opening import import_code


@pytest.fixture
def tensorflow(tmp_path, monkeypatch):
    """Put a TensorFlow with the given source in place of the real one, beside a loaded Keras."""

    def install(source):
        (tmp_path / "tensorflow.py").write_text(source)

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "keras", ModuleType("keras"))
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # to be put back as it was
    monkeypatch.delitem(sys.modules, "tensorflow")
    return install


def test_what_tensorflow_says_as_keras_loads_it_is_not_shown(tensorflow, capfd):
    tensorflow("import os; os.write(2, b'could not find cuda drivers')")
    import_code(SVM)
    assert "tensorflow" in sys.modules
    assert capfd.readouterr().err == ""


def test_a_broken_tensorflow_beside_another_library_stops_no_worker(tensorflow):
    tensorflow("raise ImportError('libcuda.so: cannot open shared object file')")
    import_code(SVM)
