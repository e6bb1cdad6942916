"""A real engine, or no test."""

import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from project import Project, free_port

IMAGE = "hpo:compose-test"

# Trials long enough that a worker can be killed and the database restarted in between.
STUDY = """
model = "cnn"
seed = 1
data = { train = "../data/digits/train.npy", shape = [28, 28, 1], range = [0, 1] }
evaluation = { holdout = 0.3, metric = "accuracy" }
sampler = { name = "random" }
pruner = { name = "halving", min_resource = 2, reduction_factor = 2 }
space = { learning_rate = { low = 0.0003, high = 0.01, log = true }, optimizer = ["adam", "nadam"] }
fixed = { blocks = 1, filters = 4, dense_units = 32, batch_size = 64, epochs = 8 }
budget = { trials = 9 }
"""


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """Skip where no engine answers, or `docker compose` is missing."""
    for command in (["docker", "compose", "version"], ["docker", "info"]):
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            pytest.skip(f"`{' '.join(command)}` fails: no Docker engine answers here")


@pytest.fixture(scope="session")
def make_project(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Project]]:
    """Yield a function that clones the repository; what its projects started is removed."""
    projects: list[Project] = []

    def make(**settings: object) -> Project:
        folder = tmp_path_factory.mktemp("clone")
        folder.parent.chmod(0o755)
        usual = {"HPO_IMAGE": IMAGE, "HPO_DASHBOARD_PORT": free_port(), "HPO_GRACE": 10}
        name = f"hpo-test-{secrets.token_hex(3)}"
        projects.append(Project.clone(folder, name, **usual | settings))
        return projects[-1]

    yield make
    for project in projects:
        project.remove()
        shutil.rmtree(project.folder)


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    """A clone with passwords and a study of its own beside the smoke study."""
    project = make_project(HPO_STUDIES='"studies/smoke.toml studies/walk.toml"')
    (project.folder / "studies" / "walk.toml").write_text(STUDY)
    return project


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what one test leaves to the next."""
    return tmp_path_factory.mktemp("kept")
