"""What is the case now: read when Prometheus asks, and kept nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector


class Gauges(Collector):
    """A collector for the registry of app.observability.metrics; each gauge is a function that reads its value."""

    def __init__(self) -> None:
        self._reads: list[Callable[[], Metric]] = []

    def add(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Add a gauge of one value."""
        self._reads.append(lambda: GaugeMetricFamily(f"kshot_{name}", about, read()))

    def add_by_label(self, name: str, about: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Add a gauge whose values are read by the value of a label."""

        def metric() -> Metric:
            family = GaugeMetricFamily(f"kshot_{name}", about, labels=[label])
            for value_of_label, value in read().items():
                family.add_metric([value_of_label], value)
            return family

        self._reads.append(metric)

    def add_info(self, name: str, about: str, read: Callable[[], Sequence[Mapping[str, str]]]) -> None:
        """Add what is always 1 for each thing there is, told by its labels."""

        def metric() -> Metric:
            family = InfoMetricFamily(f"kshot_{name}", about)
            for labels in read():
                family.add_metric([], dict(labels))
            return family

        self._reads.append(metric)

    def collect(self) -> Iterator[Metric]:
        """Read all of them."""
        return (read() for read in self._reads)
