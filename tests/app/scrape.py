"""What /metrics says."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.serving import wait_until


class Scrape:
    """Samples by name and labels."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.answer = httpx.get(f"{url}/metrics", headers=headers).raise_for_status()
        families = text_string_to_metric_families(self.answer.text)
        self.samples = [sample for family in families for sample in family.samples]

    def names(self) -> set[str]:
        return {sample.name for sample in self.samples}

    def labels(self, name: str, label: str) -> set[str]:
        """The values of a label."""
        return {sample.labels[label] for sample in self.samples if sample.name == name}

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels; 0 if there are none."""
        return sum(
            sample.value for sample in self.samples if sample.name == name and sample.labels.items() >= labels.items()
        )

    def grown(self, since: Scrape, name: str, **labels: str) -> float:
        """By how much that value is larger than at an earlier scrape."""
        return self.value(name, **labels) - since.value(name, **labels)


def after(url: str, route: str, headers: Mapping[str, str] | None = None, **labels: str) -> Scrape:
    """Once a request for the route is counted, which is just after its answer."""
    scrapes: list[Scrape] = []

    def counted() -> bool:
        scrapes.append(Scrape(url, headers))
        return scrapes[-1].value("kshot_requests_total", route=route, **labels) > 0

    wait_until(counted, 5)
    return scrapes[-1]
