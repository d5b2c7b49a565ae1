"""The chart renders what Kubernetes takes and the server understands, and refuses what could not work."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml

from app.settings import Settings
from app.tenants.keys import KEYS as KEY_LIST
from tests.deploy.chart import IMAGE, INSTALLATIONS, environment_of, files, helm, objects, pod_of, the
from tests.deploy.sources import CHART, VARIABLES
from tests.documents import ROOT, section

kubernetes_validate = pytest.importorskip("kubernetes_validate")
jsonschema = pytest.importorskip("jsonschema")

OLDEST, NEWEST = "1.30", kubernetes_validate.latest_version()
CUSTOM = {
    schema["properties"]["kind"]["const"]: schema
    for schema in (json.loads(path.read_text()) for path in (ROOT / "tests" / "data" / "crds").glob("*.json"))
}
installations = pytest.mark.parametrize("installation", INSTALLATIONS)
BUCKET = {"store": {"s3": "s3://models/kshot"}}
SHARED = {"store": {"accessMode": "ReadWriteMany"}}


@pytest.fixture(autouse=True, scope="module")
def schemas_read_once() -> Any:
    """Each object would otherwise read 2 MB of definitions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
        yield


def test_helm_finds_nothing_to_mend() -> None:
    report = helm.lint(CHART, {"image": IMAGE, "anonymous": True}, strict=True, kube_version=f"v{OLDEST}.0")
    assert [each["error"] for each in report["messages"]] == ["icon is recommended"]


@installations
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_every_object(installation: str, version: str) -> None:
    for each in objects(installation):
        if each["kind"] in CUSTOM:
            jsonschema.validate(each, CUSTOM[each["kind"]])
        else:
            kubernetes_validate.validate(each, version, strict=True)


def test_all_kinds_of_objects_are_among_those() -> None:
    kinds = {each["kind"] for installation in INSTALLATIONS for each in objects(installation)}
    assert kinds == CUSTOM.keys() | {
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Pod",
        "PodDisruptionBudget",
        "Secret",
        "Service",
        "ServiceAccount",
    }


@installations
def test_the_server_takes_the_environment(installation: str) -> None:
    ours = {name: value for name, value in environment_of(installation).items() if name.startswith("KSHOT_")}
    assert ours.keys() <= VARIABLES
    settings = Settings.model_validate({name.removeprefix("KSHOT_").lower(): value for name, value in ours.items()})
    assert settings.threads == 2
    assert bool(settings.keys) is not settings.allow_anonymous
    for name, value in INSTALLATIONS[installation].get("settings", {}).items():
        assert getattr(settings, name) == value


@installations
def test_what_an_object_names_is_there_or_is_yours(installation: str) -> None:
    spec = pod_of(installation)["spec"]
    (container,) = spec["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes.keys() == mounts.keys()
    there = {(each["kind"], each["metadata"]["name"]) for each in objects(installation)}
    claim = volumes.get("models", {}).get("persistentVolumeClaim", {}).get("claimName")
    secret = volumes.get("keys", {}).get("secret", {}).get("secretName")
    assert claim in (None, "models") or ("PersistentVolumeClaim", claim) in there
    assert secret in (None, "kshot-keys") or ("Secret", secret) in there
    assert ("ServiceAccount", spec["serviceAccountName"]) in there
    environment = environment_of(installation)
    assert environment["KSHOT_STORE"] == (mounts["models"] if claim else BUCKET["store"]["s3"])
    assert environment.get("KSHOT_KEYS") == (f"{mounts['keys']}/keys.json" if secret else None)


@installations
def test_selectors_choose_the_servers_and_not_the_test(installation: str) -> None:
    servers, test = pod_of(installation)["metadata"]["labels"], the("Pod", installation)["metadata"]["labels"]
    selecting = {"Deployment", "NetworkPolicy", "PodDisruptionBudget"}
    specs = [each["spec"] for each in objects(installation) if each["kind"] in selecting]
    selectors = [(spec.get("selector") or spec["podSelector"])["matchLabels"] for spec in specs]
    for selector in [the("Service", installation)["spec"]["selector"], *selectors]:
        assert selector.items() <= servers.items()
        assert not selector.items() <= test.items()


def test_prometheus_finds_the_service_by_the_name_that_the_alerts_ask_for() -> None:
    monitor, service = the("ServiceMonitor", "a bucket"), the("Service", "a bucket")
    labels = service["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert f'up{{job="{labels[monitor["spec"]["jobLabel"]]}"}}' in (CHART / "monitoring" / "alerts.yml").read_text()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


@installations
def test_pods_may_do_no_more_than_they_need(installation: str) -> None:
    for spec in (pod_of(installation)["spec"], the("Pod", installation)["spec"]):
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert (spec["securityContext"]["runAsNonRoot"], spec["automountServiceAccountToken"]) == (True, False)
    server = pod_of(installation)["spec"]
    assert f"USER {server['securityContext']['runAsUser']}:" in (ROOT / "Dockerfile").read_text()
    assert server["enableServiceLinks"] is False  # a Service named kshot would set KSHOT_PORT to tcp://…
    assert {"medium": "Memory", "sizeLimit": "1Gi"} in [volume.get("emptyDir") for volume in server["volumes"]]


def test_alerts_and_dashboard_are_those_of_compose() -> None:
    mounted = (ROOT / "compose.yaml").read_text()
    rule, dashboard = the("PrometheusRule", "a bucket"), the("ConfigMap", "a bucket", "shop-kshot-dashboard")
    assert "./deploy/helm/kshot/monitoring/alerts.yml:" in mounted
    assert rule["spec"] == yaml.safe_load((CHART / "monitoring" / "alerts.yml").read_text())
    assert "./deploy/helm/kshot/monitoring/dashboard.json:" in mounted
    assert dashboard["data"]["kshot.json"] == (CHART / "monitoring" / "dashboard.json").read_text()


def test_a_file_of_keys_is_one_that_the_server_reads() -> None:
    (key,) = KEY_LIST.validate_json(the("Secret", "keys")["stringData"]["keys.json"])
    assert key.tenant == "alice"


def test_a_volume_of_one_pod_is_free_before_the_next_one_starts() -> None:
    kinds = {name: the("Deployment", name)["spec"]["strategy"]["type"] for name in INSTALLATIONS}
    assert kinds == {
        "anonymous": "Recreate",
        "keys": "Recreate",
        "a shared volume": "RollingUpdate",
        "a bucket": "RollingUpdate",
    }
    assert the("PersistentVolumeClaim", "keys")["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_a_gpu_is_asked_for_used_and_tolerated() -> None:
    spec = pod_of("a bucket")["spec"]
    assert spec["containers"][0]["resources"]["limits"] == {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": 1}
    assert "nvidia.com/gpu" in [each.get("key") for each in spec["tolerations"]]
    assert environment_of("a bucket")["KSHOT_DEVICE"] == "cuda"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"anonymous": True, "image": {}}, "image.repository is empty"),
        ({}, "nobody could use the server"),
        ({"anonymous": True, "keys": {"file": "[]"}}, "no use beside API keys"),
        ({"anonymous": True, "replicas": 2}, "more than one replica needs a store"),
        (
            {"anonymous": True, "replicas": 2, "store": {"existingClaim": "models"}},
            "more than one replica needs a store",
        ),
        ({"anonymous": True, "autoscaling": {"by": "cpu"}}, "more than one replica needs a store"),
        ({"anonymous": True, "store": BUCKET["store"] | {"existingClaim": "models"}}, "set one of them"),
        ({"keys": {"file": "[]"}, "monitoring": {"enabled": True}}, "set monitoring.keySecret"),
        ({"anonymous": True, **SHARED, "autoscaling": {"by": "queue"}}, "set monitoring.enabled=true and"),
        ({"anonymous": True, "ingress": {"enabled": True}}, "set host"),
        ({"anonymous": True, "gateway": {"name": "world"}}, "set host"),
        ({"anonymous": True, "settings": {"max_bodybytes": 1}}, "max_bodybytes"),
        ({"anonymous": True, "settings": {"store": "/srv"}}, "store"),
        ({"anonymous": True, "replica": 2}, "replica"),
        ({"anonymous": True, "store": {"s3": "gs://models"}}, "s3"),
        ({"anonymous": True, "aws": {"env": {"PATH": "/"}}}, "PATH"),
    ],
)
def test_what_could_not_work_is_refused_in_words(values: dict[str, Any], said: str) -> None:
    with pytest.raises(helm.HelmError, match=said):
        files(values)


def test_what_the_guide_installs_can_be_installed() -> None:
    guide = section((ROOT / "docs" / "operating.md").read_text(), "Kubernetes")
    (shared,) = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    first, monitored = re.findall(r"^helm (?:install|upgrade) (?:.*\\\n)*.*", guide, re.MULTILINE)
    values = [helm.parse_set_string(",".join(re.findall(r"--set (\S+)", command))) for command in (first, monitored)]
    assert "keys.json" in files(values[0])["kshot/templates/NOTES.txt"]
    assert "each replica's" in files(yaml.safe_load(shared))["kshot/templates/NOTES.txt"]
    assert "ServiceMonitor" in files(values[0] | values[1])["kshot/templates/monitoring.yaml"]


@pytest.mark.parametrize("store", [BUCKET, SHARED])
def test_several_replicas_may_share_a_bucket_or_a_volume(store: dict[str, Any]) -> None:
    made = files({"anonymous": True, "replicas": 3, **store})
    assert yaml.safe_load(made["kshot/templates/deployment.yaml"])["spec"]["replicas"] == 3
    assert "each replica's" in made["kshot/templates/NOTES.txt"]
