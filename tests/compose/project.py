"""A clone of this repository with its own containers, volumes and passwords, on a real engine."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
T = TypeVar("T")

# The worker is the child of the container's init.
KILL = "import os; os.kill(int(open('/proc/1/task/1/children').read().split()[0]), 9)"


@dataclass(frozen=True, kw_only=True)
class Project:
    """What `docker compose` starts in a folder."""

    folder: Path
    name: str

    @classmethod
    def clone(cls, folder: Path, name: str, **settings: object) -> "Project":
        """Copy what git knows of this repository, with these settings in its .env."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        for file in filter(None, listed.stdout.decode().split("\0")):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, folder / file)
        lines = [f"{key}={value}\n" for key, value in settings.items()]
        (folder / ".env").write_text("".join(lines))
        return cls(folder=folder, name=name)

    def run(
        self, *command: object, code: int | None = 0, **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in the folder; it must end with this code, or with any."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env=os.environ | {"COMPOSE_PROJECT_NAME": self.name, "COMPOSE_PROGRESS": "plain"},
            text=True,
            check=False,
            **{"stdin": subprocess.DEVNULL, "stdout": -1, "stderr": -1} | options,
        )
        assert code in {None, done.returncode}, f"{command}:\n{done.stdout}\n{done.stderr}"
        return done

    def compose(self, *arguments: object, **options: Any) -> str:
        """Run `docker compose`, and give what it printed."""
        return str(self.run("docker", "compose", *arguments, **options).stdout)

    def hpo(self, *arguments: object) -> str:
        """Run hpo in a worker's container."""
        return self.compose("exec", "-T", "worker", "hpo", *arguments)

    def status(self, study: str) -> dict[str, Any]:
        """Return what hpo knows of a study."""
        return dict(json.loads(self.hpo("status", study, "--json")))

    def sql(self, query: str, **options: Any) -> str:
        """Ask the database as its administrator."""
        psql = ("psql", "--no-psqlrc", "-U", "postgres", "-d", "hpo", "-Atc", query)
        return self.compose("exec", "-T", "postgres", *psql, **options).strip()

    def sql_as(self, role: str, password: str, query: str) -> "subprocess.CompletedProcess[str]":
        """Ask the database as a role, with a password, by TCP."""
        url = f"postgresql://{role}:{password}@127.0.0.1/hpo"
        psql = ("psql", "--no-psqlrc", url, "-Atc", query)
        return self.run("docker", "compose", "exec", "-T", "postgres", *psql, code=None)

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text().strip()

    def containers(self, service: str) -> list[str]:
        """Return the running containers of a service."""
        return self.compose("ps", "--quiet", service).split()

    def inspect(self, container: str) -> dict[str, Any]:
        return dict(json.loads(self.run("docker", "inspect", container).stdout)[0])

    def owners(self, study: str) -> list[str]:
        """Return the containers that have a trial of a study now."""
        owners = self.sql(
            "SELECT value_json FROM trial_system_attributes JOIN trials USING (trial_id) "
            "JOIN studies USING (study_id) "
            f"WHERE key = 'hpo:owner' AND state = 'RUNNING' AND study_name = '{study}'"
        )
        return [owner.strip('"').split(":")[0] for owner in owners.splitlines()]

    def kill_worker(self, container: str) -> None:
        """Kill the worker of a container, as the kernel does when memory ends."""
        self.run("docker", "exec", container, "python", "-c", KILL)

    def remove(self) -> None:
        """Remove all containers and volumes."""
        every = ("--profile", "*")
        self.compose(*every, "down", "--volumes", "--remove-orphans", "--timeout", "20")


def until(condition: Callable[[], T], seconds: float = 120) -> T:
    """Wait until something is the case, and give it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.5)
    return found


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def python(*arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run this Python on the host, without hpo's variables."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HPO_")}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
