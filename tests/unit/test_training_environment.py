import platform
from importlib.metadata import version

from hpo.training.environment import environment, processor


def test_versions_are_those_installed():
    found = environment(["python", "numpy", "scikit-learn"])
    assert found == {
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scikit-learn": version("scikit-learn"),
        "processor": processor(),
    }


def test_of_two_versions_that_is_recorded_which_python_imports(tmp_path, monkeypatch):
    for number in (1, 2):
        info = tmp_path / str(number) / f"twice-{number}.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: twice\nVersion: {number}.0\n")
        monkeypatch.syspath_prepend(tmp_path / str(number))
    assert environment(["twice"])["twice"] == version("twice") == "2.0"


def test_a_package_that_is_not_there_is_said_to_be_so():
    assert environment(["no-such-package"])["no-such-package"] == "not installed"


def test_the_processor_has_a_name():
    assert processor()
    assert processor() == processor().strip()
