"""The chart, rendered by Helm's own library for some installations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import pytest
import yaml

from tests.deploy.sources import CHART

helm = pytest.importorskip("helm_python", reason="make test-deploy installs it")

Object: TypeAlias = dict[str, Any]
NAME, NAMESPACE = "shop", "prod"
KEYS = '[{"id": "0123456789ab", "tenant": "alice", "digest": "0", "created_at": "2026-01-01T00:00:00Z"}]'
IMAGE = {"repository": "registry.example/kshot"}
INSTALLATIONS: dict[str, dict[str, Any]] = {
    "anonymous": {"anonymous": True},
    "keys": {"keys": {"file": KEYS}, "networkPolicy": {"enabled": True}, "store": {"storageClass": "fast"}},
    "a shared volume": {
        "anonymous": True,
        "replicas": 2,
        "store": {"accessMode": "ReadWriteMany", "existingClaim": "models"},
        "host": "kshot.example",
        "trustedHosts": ["kshot.internal"],
        "ingress": {"enabled": True},
        "autoscaling": {"by": "cpu"},
        "monitoring": {"enabled": True},
        "preStopSeconds": 1,
    },
    "a bucket": {
        "keys": {"existingSecret": "kshot-keys"},
        "store": {"s3": "s3://models/kshot"},
        "aws": {"env": {"AWS_REGION": "eu-central-1", "AWS_ALLOW_HTTP": True}},
        "host": "kshot.example",
        "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "kshot-tls"},
        "gateway": {"name": "world", "namespace": "infra", "sectionName": "https"},
        "autoscaling": {"by": "queue", "prometheus": "http://prometheus:9090"},
        "monitoring": {"enabled": True, "keySecret": "kshot-metrics", "labels": {"release": "prometheus"}},
        "networkPolicy": {"enabled": True, "from": [{"namespaceSelector": {}}]},
        "settings": {"max_body_bytes": 2**26, "patience_ms": 0.5, "keep_images": False, "log_level": "debug"},
        "env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318"}],
        "gpu": True,
        "runtimeClassName": "nvidia",
        "imagePullSecrets": [{"name": "registry"}],
        "service": {"annotations": {"a": "b"}},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/kshot"}},
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"a": "b"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
}


def files(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what each template becomes. Raises helm.HelmError."""
    with helm.Chart.load(CHART) as chart:
        made: dict[str, str] = chart.render({"image": IMAGE, **values}, name=NAME, namespace=NAMESPACE)
    return made


@cache
def objects(installation: str) -> tuple[Object, ...]:
    """Return the objects of an installation."""
    made = files(INSTALLATIONS[installation])
    manifests = [text for name, text in made.items() if name.endswith(".yaml")]
    return tuple(each for text in manifests for each in yaml.safe_load_all(text) if each)


def the(kind: str, installation: str, name: str | None = None) -> Object:
    """Return the only object of a kind, or of this name."""
    (found,) = (
        each for each in objects(installation) if each["kind"] == kind and name in (None, each["metadata"]["name"])
    )
    return found


def pod_of(installation: str) -> Object:
    """Return the Deployment's template of a pod."""
    template: Object = the("Deployment", installation)["spec"]["template"]
    return template


def environment_of(installation: str, address: str = "10.244.1.7") -> dict[str, str]:
    """Return the variables that the kubelet gives to the server, in a pod of this address."""
    (container,) = pod_of(installation)["spec"]["containers"]
    found: dict[str, str] = {}
    for source in container["envFrom"]:
        ((kind, reference),) = source.items()
        if kind == "configMapRef":
            found |= the("ConfigMap", installation, reference["name"])["data"]
        else:
            found |= the("Secret", installation, reference["name"])["stringData"]
    told = {"limits.cpu": container["resources"]["limits"]["cpu"], "status.podIP": address}
    for variable in container["env"]:
        source = variable.get("valueFrom", {})
        path = source.get("resourceFieldRef", {}).get("resource") or source.get("fieldRef", {}).get("fieldPath")
        value = told[path] if path else variable["value"]
        for name, earlier in found.items():
            value = value.replace(f"$({name})", earlier)
        found[variable["name"]] = value
    return found
