"""docker-compose.yml, as Docker Compose understands it, which needs no engine for that."""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLUGIN = Path("/usr/libexec/docker/cli-plugins/docker-compose")
PROFILES = ("", "gpu", "public", "backup", "*")
OVERRIDES = ("editor.yml", "bucket.yml")
ONE_SHOT = {"password-check", "roles", "init", "backup", "restore"}


@cache
def compose():
    """Return the command, which may be there without Docker's own."""
    for command in (["docker", "compose"], [str(PLUGIN)]):
        if shutil.which(command[0]):
            found = subprocess.run([*command, "version"], capture_output=True, check=False)
            if found.returncode == 0:
                return command
    return None


@pytest.fixture
def config():
    """Return a function that asks for the configuration; skip where nobody can answer."""
    if compose() is None:
        pytest.skip("no Docker Compose 2 here: .ci/install-compose brings it on Debian 12")

    def ask(profile, *arguments, override=None, **variables):
        files = ("-f", "docker-compose.yml", "-f", f"deploy/{override}") if override else ()
        return subprocess.run(
            [*compose(), *files, "--profile", profile, "config", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return ask


@pytest.fixture
def services(config):
    return json.loads(config("*", "--format", "json").stdout)["services"]


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_is_valid(config, profile):
    done = config(profile, "--quiet")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("override", OVERRIDES)
def test_each_override_is_valid(config, override):
    done = config("*", "--quiet", override=override)
    assert (done.returncode, done.stderr) == (0, "")


def test_only_with_the_override_the_dashboard_may_write(config):
    def dashboard(**options):
        told = config("*", "--format", "json", **options).stdout
        return json.loads(told)["services"]["dashboard"]

    assert "hpo_viewer@" in dashboard()["environment"]["HPO_DATABASE_URL"]
    assert "worker" not in {secret["source"] for secret in dashboard()["secrets"]}
    writing = dashboard(override="editor.yml")
    assert "hpo_worker@" in writing["environment"]["HPO_DATABASE_URL"]
    assert {"worker", "editor"} <= {secret["source"] for secret in writing["secrets"]}


def test_a_mistake_would_be_found(config):
    assert config("*", "--quiet", HPO_DASHBOARD_PORT="eighty").returncode != 0


def test_every_service_has_few_rights_and_limits(services):
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["logging"]["options"]["max-size"]
        assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
        if name not in ONE_SHOT:
            assert service["deploy"]["resources"]["limits"]["memory"], name


def test_everything_listens_on_this_machine_alone(services):
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert len(ports) == 3
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_only_who_needs_the_database_is_in_its_network(services):
    inside = {name for name, one in services.items() if "database" in one.get("networks", ())}
    assert inside == services.keys() - {"password-check", "proxy"}


def test_passwords_are_files(services):
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET", name):
                assert value.startswith("/run/secrets/")
    used = {secret["source"] for one in services.values() for secret in one.get("secrets", ())}
    checked = {secret["source"] for secret in services["password-check"]["secrets"]}
    assert used == checked


def test_all_of_them_wait_for_the_check(services):
    for name in services.keys() - {"password-check"}:
        waits_for, seen = {name}, set()
        while waits_for - seen:
            one = (waits_for - seen).pop()
            seen.add(one)
            waits_for |= services[one].get("depends_on", {}).keys()
        assert "password-check" in seen


def test_the_example_names_each_setting_with_its_default():
    used = dict(re.findall(r"\$\{([A-Z_]+):?-([^}]*)\}", (ROOT / "docker-compose.yml").read_text()))
    lines = (ROOT / ".env.example").read_text().splitlines()
    shown = dict(line[1:].split("=", 1) for line in lines if re.match("#[A-Z_]+=", line))
    assert shown == used
