"""deploy/kubernetes, as kustomize builds it: valid on old and new clusters, and safe."""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from hpo.cli import COMMANDS

FOLDER = Path(__file__).parents[3] / "deploy" / "kubernetes"
OVERLAYS = ("base", "gpu")
VERSIONS = ("1.29", "1.37")  # the oldest and the newest that we know of
LABEL = "app.kubernetes.io/component"


def build(folder):
    kubectl = Path(sys.executable).parent / "kubectl"
    command = [kubectl, "kustomize", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@cache
def built(overlay):
    return build(FOLDER / overlay)


def of_kind(overlay, *kinds):
    return [one for one in built(overlay) if one["kind"] in kinds]


def pods(overlay):
    """Return the pods that an overlay starts."""
    return [one["spec"]["template"] for one in of_kind(overlay, "Deployment", "Job")]


def containers(pod):
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_manifest_fits_the_schema(overlay, version):
    for manifest in built(overlay):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_overlay_adds_workers_on_gpus():
    names = {one["metadata"]["name"] for one in of_kind("gpu", "Deployment")}
    assert names == {"hpo-worker", "hpo-worker-gpu", "hpo-dashboard"}
    (gpu,) = [one for one in of_kind("gpu", "Deployment") if one["metadata"]["name"][-3:] == "gpu"]
    (worker,) = gpu["spec"]["template"]["spec"]["containers"]
    assert worker["image"] == "hpo:gpu"
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == 1


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_have_few_rights(overlay):
    for pod in pods(overlay):
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_mount_what_they_have_and_run_commands_that_exist(overlay):
    for pod in pods(overlay):
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        for container in containers(pod):
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            assert "command" in container or container["args"][0] in COMMANDS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_only_referred_to(overlay):
    assert of_kind(overlay, "Secret") == []
    for pod in pods(overlay):
        for container in containers(pod):
            given = {env["name"]: env.get("value", "") for env in container["env"]}
            passwords = [name for name in given if "PASSWORD" in name]
            assert passwords
            assert all(name.endswith("_FILE") for name in passwords)
            assert ":" not in given["HPO_DATABASE_URL"].split("//")[1].split("@")[0]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_workers_are_drained_a_few_at_a_time(overlay):
    for worker in of_kind(overlay, "Deployment"):
        labels = worker["spec"]["template"]["metadata"]["labels"]
        if not labels[LABEL].startswith("worker"):
            continue
        assert worker["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= 600
        budgets = [
            one
            for one in of_kind(overlay, "PodDisruptionBudget")
            if one["spec"]["selector"]["matchLabels"].items() <= labels.items()
        ]
        assert len(budgets) == 1


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_under_the_policy_and_one_listens(overlay):
    everyone, dashboard = of_kind(overlay, "NetworkPolicy")
    assert everyone["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in everyone["spec"]
    selected = everyone["spec"]["podSelector"]["matchLabels"].items()
    for pod in pods(overlay):
        assert selected <= pod["metadata"]["labels"].items()
    assert dashboard["spec"]["podSelector"]["matchLabels"][LABEL] == "dashboard"
    (service,) = of_kind(overlay, "Service")
    assert service["spec"]["selector"][LABEL] == "dashboard"


def test_the_kustomization_that_the_documentation_shows_says_where_things_are(tmp_path):
    (shown,) = re.findall(
        r"```yaml\n(.*?)```", (FOLDER.parent / "README.md").read_text(), re.DOTALL
    )
    (tmp_path / "kustomization.yaml").write_text(shown)
    shutil.copytree(FOLDER, tmp_path / "deploy" / "kubernetes")
    manifests = {(one["kind"], one["metadata"]["name"]): one for one in build(tmp_path)}
    worker = manifests["Deployment", "hpo-worker-gpu"]["spec"]["template"]["spec"]["containers"][0]
    assert worker["image"] == "registry.example/hpo:gpu"
    settings = manifests["ConfigMap", "hpo-settings"]["data"]
    assert settings["DATABASE"] == "postgres.example:5432/hpo?sslmode=require"
    ingress = manifests["Ingress", "hpo-dashboard"]["spec"]
    assert ingress["tls"][0]["hosts"] == [ingress["rules"][0]["host"]] == ["hpo.example.com"]
