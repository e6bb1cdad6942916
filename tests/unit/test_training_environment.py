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


def test_a_package_that_is_not_there_is_said_to_be_so():
    assert environment(["no-such-package"])["no-such-package"] == "not installed"


def test_the_processor_has_a_name():
    assert processor()
    assert processor() == processor().strip()
