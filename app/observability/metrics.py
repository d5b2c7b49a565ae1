"""Counters and histograms of what has happened, for Prometheus; app.observability.gauges has what is the case now."""

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
TOGETHER = "PROMETHEUS_MULTIPROC_DIR" in os.environ  # app.server.run sets it where there are several processes
OTHER = "other"  # a client may send any word as a method


class Metrics:
    """Counts what it is told of, from any thread.

    It has a registry of its own, since a process may have several apps. Labels take few values each, and a client
    chooses none of them.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counting = None if TOGETHER else self.registry
        ProcessCollector(registry=self.registry)
        self._requests = self._counter("requests", "Requests answered.", "method", "route", "status")
        self._request_seconds = self._histogram(
            "request_duration_seconds",
            "Seconds from the head of a request to the end of its answer.",
            SECONDS,
            "method",
            "route",
        )
        self._rejections = self._counter("rejections", "Problems answered, by the last part of their type.", "reason")
        self._received = self._counter("received_bytes", "Bytes of request bodies read.")
        self._phases = self._histogram(
            "phase_duration_seconds", "Seconds of each phase of a request's work.", SECONDS, "phase", "checkpoint"
        )
        self._images = self._counter("images", "Images adapted to or predicted on.", "kind", "checkpoint")
        self._batch_requests = self._histogram("batch_requests", "Requests in a batch.", SIZES, "kind")
        self._batch_images = self._histogram("batch_images", "Images in a batch.", SIZES, "kind")
        self._halvings = self._counter("batch_halvings", "Batches that failed and were run again in halves.", "reason")
        self._abandoned = self._counter("batches_abandoned", "Batches stopped because nobody waited for them any more.")
        self._lookups = self._counter("cache_lookups", "Models looked for in memory.", "result")
        self._evictions = self._counter("cache_evictions", "Models that left memory to make room for others.")
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
        """Count an answered request; `route` is a template such as /models/{model_id}."""
        method = method if method in METHODS else OTHER
        self._request_seconds.labels(method, route).observe(seconds)
        self._requests.labels(method, route, status).inc()

    def rejection(self, reason: str) -> None:
        """Count a problem that was answered, by the last part of its type."""
        self._rejections.labels(reason).inc()

    def received(self, size: int) -> None:
        """Count bytes of a request's body that were read."""
        self._received.inc(size)

    def phase(self, phase: Phase) -> None:
        """Observe how long a part of a request's work took."""
        self._phases.labels(phase.name, phase.checkpoint).observe(phase.end - phase.start)

    def batch(self, kind: str, checkpoint: str, images: Sequence[int]) -> None:
        """Count a batch that was computed; `images` are those of each request in it."""
        self._images.labels(kind, checkpoint).inc(sum(images))
        self._batch_requests.labels(kind).observe(len(images))
        self._batch_images.labels(kind).observe(sum(images))

    def halved(self, out_of_memory: bool) -> None:
        """Count a batch that failed and is run again in halves."""
        self._halvings.labels("out-of-memory" if out_of_memory else "error").inc()

    def abandoned(self) -> None:
        """Count a batch that was stopped because nobody waited for it any more."""
        self._abandoned.inc()

    def lookup(self, result: str) -> None:
        """Count a model that was in memory (`hit`), was loaded (`miss`), or was being loaded already (`shared`)."""
        self._lookups.labels(result).inc()

    def evicted(self) -> None:
        """Count a model that left memory to make room for another."""
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
        """Return everything in Prometheus' text format; of several processes, the sums of their counters."""
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
        """Have these series from the start: otherwise the first event is no increase, and no alert sees it."""
        for result in ("hit", "miss", "shared"):
            self._lookups.labels(result)
        for reason in ("out-of-memory", "error"):
            self._halvings.labels(reason)
