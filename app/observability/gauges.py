"""What is the case now: read when Prometheus asks, and kept nowhere twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from app import __version__
from app.http.middleware.admission import Admission
from app.service.service import Service


@dataclass(frozen=True)
class Gauges(Collector):
    """A collector for the registry of app.observability.metrics."""

    service: Service
    admission: Admission

    def collect(self) -> Iterator[Metric]:
        """The state of the service."""
        engine, cache = self.service.engine, self.service.cache
        yield _info("build", "What runs.", [{"version": __version__}])
        ready = engine.ready and not self.admission.draining
        yield _gauge("ready", "Whether requests are taken, as /readyz says.", ready)
        yield _gauge("requests_inside", "Requests being received, decoded or computed.", self.admission.inside)
        yield _gauge("queue_depth", "Requests that wait for the engine.", engine.depth)
        yield _gauge("cache_models", "Models in memory.", len(cache))
        yield _gauge("cache_bytes", "Bytes of their tensors.", cache.bytes)
        yield _gauge("cache_max_bytes", "Bytes beyond which the least recently used leave.", cache.max_bytes)
        learners = engine.learners
        digests = [{"checkpoint": name, "digest": each.checkpoint.digest} for name, each in learners.items()]
        yield _info("checkpoint", "A checkpoint that is loaded.", digests)
        yield _device_memory({each.device for each in learners.values()})


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"kshot_{name}", about, value)


def _info(name: str, about: str, things: list[dict[str, str]]) -> Metric:
    """1 for each thing, which is told by its labels."""
    family = InfoMetricFamily(f"kshot_{name}", about)
    for labels in things:
        family.add_metric([], labels)
    return family


def _device_memory(devices: set[torch.device]) -> Metric:
    """A GPU's; a CPU's is process_resident_memory_bytes."""
    family = GaugeMetricFamily("kshot_device_memory_bytes", "Memory of a GPU that tensors take.", labels=["device"])
    for device in devices:
        if device.type == "cuda":
            family.add_metric([str(device)], torch.cuda.memory_allocated(device))
    return family
