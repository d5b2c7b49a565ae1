"""What happened since the start, counted for Prometheus. What is the case now is read by app.observability.gauges."""

from __future__ import annotations

import os
from collections.abc import Sequence
from http import HTTPMethod

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from app.observability.stopwatch import Phase

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SIZES = tuple(2**power for power in range(11))
METHODS = frozenset(HTTPMethod)
TOGETHER = "PROMETHEUS_MULTIPROC_DIR" in os.environ  # where several processes keep their counters; app.server.run
OTHER = "other"  # a client may send any word as a method


class Metrics:
    """Is told of what happens, in words of the service, from any thread.

    With a registry of its own, as there may be several apps in a process. Labels take few values each, none of them
    a client's to choose.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counting = None if TOGETHER else self.registry
        ProcessCollector(registry=self.registry)
        self._requests = self._counter("requests", "Requests answered.", "method", "route", "status")
        self._request_seconds = self._histogram(
            "request_duration_seconds", "From a request's head to the end of its answer.", SECONDS, "method", "route"
        )
        self._rejections = self._counter("rejections", "Problems answered, by the last part of their type.", "reason")
        self._received = self._counter("received_bytes", "Of request bodies, read.")
        self._phases = self._histogram(
            "phase_duration_seconds", "Of a request's work, by phase.", SECONDS, "phase", "checkpoint"
        )
        self._images = self._counter("images", "Images adapted to or predicted.", "kind", "checkpoint")
        self._batch_requests = self._histogram("batch_requests", "Requests in a batch.", SIZES, "kind")
        self._batch_images = self._histogram("batch_images", "Images in a batch.", SIZES, "kind")
        self._halvings = self._counter("batch_halvings", "Batches that failed and were run again by halves.", "reason")
        self._abandoned = self._counter("batches_abandoned", "Batches ended because nobody waited any more.")
        self._lookups = self._counter("cache_lookups", "Models looked for in memory.", "result")
        self._evictions = self._counter("cache_evictions", "Models that made room in memory for others.")
        self._swept = self._counter("models_swept", "Expired models deleted by this server.")
        self._sweep_failures = self._counter(
            "sweep_failures", "Sweeps that failed, and files that a sweep could not read or delete."
        )
        self._last_sweep = Gauge(
            "kshot_last_sweep_timestamp_seconds",
            "When the last sweep that came to its end did so, in seconds since 1970; 0 before the first.",
            registry=self._counting,
            multiprocess_mode="livemin",
        )
        self._begin_at_zero()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One was answered; `route` is a template, never a path."""
        method = method if method in METHODS else OTHER
        self._request_seconds.labels(method, route).observe(seconds)
        self._requests.labels(method, route, status).inc()

    def rejection(self, reason: str) -> None:
        """A problem is answered."""
        self._rejections.labels(reason).inc()

    def received(self, size: int) -> None:
        """So many bytes of a body were read."""
        self._received.inc(size)

    def phase(self, phase: Phase) -> None:
        """A part of a request's work is over."""
        self._phases.labels(phase.name, phase.checkpoint).observe(phase.end - phase.start)

    def batch(self, kind: str, checkpoint: str, images: Sequence[int]) -> None:
        """One was computed, of requests with so many images each."""
        self._images.labels(kind, checkpoint).inc(sum(images))
        self._batch_requests.labels(kind).observe(len(images))
        self._batch_images.labels(kind).observe(sum(images))

    def halved(self, out_of_memory: bool) -> None:
        """A batch of several failed, and is tried again by halves."""
        self._halvings.labels("out-of-memory" if out_of_memory else "error").inc()

    def abandoned(self) -> None:
        """A batch was ended, as nobody waits for it."""
        self._abandoned.inc()

    def lookup(self, result: str) -> None:
        """A model was in memory (hit), had to be loaded (miss), or was being loaded already (shared)."""
        self._lookups.labels(result).inc()

    def evicted(self) -> None:
        """A model left memory."""
        self._evictions.inc()

    def swept(self, models: int, failures: int) -> None:
        """Count a sweep that came to its end: the expired models it deleted, and the files it could not."""
        self._swept.inc(models)
        self._sweep_failures.inc(failures)
        self._last_sweep.set_to_current_time()

    def sweep_failed(self) -> None:
        """Count a sweep that came to no end."""
        self._sweep_failures.inc()

    def text(self) -> bytes:
        """All of it, in Prometheus' text format. Of several processes the counters are those of all together."""
        if not TOGETHER:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together) + generate_latest(self.registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, "kshot", registry=self._counting)

    def _histogram(self, name: str, about: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, about, labels, "kshot", buckets=buckets, registry=self._counting)

    def _begin_at_zero(self) -> None:
        """Else the first of a kind is no increase, and no alert sees it."""
        for result in ("hit", "miss", "shared"):
            self._lookups.labels(result)
        for reason in ("out-of-memory", "error"):
            self._halvings.labels(reason)
