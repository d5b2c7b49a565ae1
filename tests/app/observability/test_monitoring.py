"""The dashboard and the alerts ask for what a server says, and compose.yaml finds their files and docs/monitoring's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.app.drawings import QUERY, adapt, predict
from tests.app.scrape import Scrape
from tests.serving import Server

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "docs" / "monitoring"
SHIPPED = ROOT / "deploy" / "helm" / "kshot" / "monitoring"
METRIC = re.compile(r"\b((?:kshot|process)_\w+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)(=~|!~|!=|=)\"([^\"]*)\"")
PROMETHEUS_ADDS = {"instance", "job"}
ON_A_GPU = "kshot_device_memory_bytes"


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SHIPPED / "dashboard.json").read_text())["panels"]
    return found


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((SHIPPED / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


QUERIES = {f"{panel['title']} {each['refId']}": each["expr"] for panel in panels() for each in panel["targets"]}
QUERIES |= {rule["alert"]: rule["expr"] for rule in alerts() if rule["alert"] != "KshotDown"}


@pytest.fixture(scope="module")
def scrape(server: Server) -> Scrape:
    """After an adaptation, a prediction and a refusal."""
    predict(server.url, adapt(server.url, steps=1).json()["id"], QUERY[:1])
    httpx.get(f"{server.url}/nothing")
    return Scrape(server.url)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_asks_for_series_that_there_are(scrape: Scrape, query: str) -> None:
    asked = METRIC.findall(query)
    assert asked
    for name, matchers in asked:
        if name == ON_A_GPU:
            assert f"# TYPE {name} gauge" in scrape.answer.text
            continue
        assert name in scrape.names()
        for label, operator, value in LABEL.findall(matchers):
            if label in PROMETHEUS_ADDS:
                continue
            said = scrape.labels(name, label)  # KeyError if there is no such label
            if operator == "=" and label == "result":
                assert value in said


def test_the_dashboard_shows_all_that_the_server_says_of_itself(scrape: Scrape) -> None:
    shown = {
        re.sub("_(bucket|sum|count)$", "", name) for query in QUERIES.values() for name, _ in METRIC.findall(query)
    }
    said = {re.sub("_(bucket|sum|count)$", "", name) for name in scrape.names() if name.startswith("kshot_")}
    assert said <= shown


def test_panels_lie_beside_each_other() -> None:
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels())
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_what_compose_mounts_is_there_and_its_services_find_each_other() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    mounts = [mount.split(":")[0] for each in services.values() for mount in each["volumes"]]
    files = [ROOT / mount for mount in mounts if mount.startswith("./")]
    assert len(files) == 5
    assert all(file.is_file() for file in files)
    assert {name for name, each in services.items() if "profiles" not in each} == {"kshot"}
    scraped = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scraped["static_configs"] == [{"targets": ["kshot:8000"]}]
    source = yaml.safe_load((MONITORING / "grafana" / "datasource.yml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    assert {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]} == {source["uid"]}
