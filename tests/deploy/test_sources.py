"""What the chart's files say agrees with the server's, without Helm."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import kshot
from app.server.server import LAST_SECONDS
from app.settings import Settings
from app.tenants.keys import KeyFile
from tests.deploy.sources import CHART, SCHEMA, TEMPLATES, VALUES, VARIABLES

SET_BY_THE_CHART = {name for text in TEMPLATES.values() for name in re.findall(r"\bKSHOT_[A-Z_]+[A-Z]\b", text)}


def test_every_variable_is_a_setting_and_all_that_the_chart_does_not_set_are_values() -> None:
    ours = SET_BY_THE_CHART - {"KSHOT_API_KEY"}  # a client's
    assert ours < VARIABLES
    named = SCHEMA["properties"]["settings"]["propertyNames"]["enum"]
    assert {f"KSHOT_{name.upper()}" for name in named} == VARIABLES - ours


def test_every_value_has_a_place_in_the_schema() -> None:
    def names(properties: dict, values: dict, place: str = "") -> None:  # type: ignore[type-arg]
        assert properties.keys() - {"global"} == values.keys(), place
        for name, value in values.items():
            if isinstance(value, dict) and "properties" in properties[name] and value:
                names(properties[name]["properties"], value, f"{place}.{name}")

    names(SCHEMA["properties"], VALUES)


def test_the_chart_installs_the_release_it_lies_beside() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == kshot.__version__


def test_pods_have_the_time_that_the_server_and_its_requests_take() -> None:
    settings = Settings()
    assert VALUES["drainSeconds"] == settings.drain_seconds
    (spare,) = map(
        int, re.findall(r"add \.Values\.preStopSeconds \.Values\.drainSeconds (\d+)", TEMPLATES["deployment.yaml"])
    )
    assert spare > LAST_SECONDS
    (patience,) = (
        int(value) for name, value in VALUES["ingress"]["annotations"].items() if name.endswith("read-timeout")
    )
    assert patience > settings.queue_seconds + settings.compute_seconds


def test_a_change_of_a_mounted_secret_is_seen(tmp_path: Path) -> None:
    """The kubelet writes another folder, and turns the link `..data` to it."""
    mounted = KeyFile(tmp_path / "keys.json")
    mounted.path.symlink_to("..data/keys.json")
    for folder, tenants in {"..1": ["alice"], "..2": ["alice", "bob"]}.items():
        for tenant in tenants:
            KeyFile(tmp_path / folder / "keys.json").add(tenant)
        (tmp_path / "..new").symlink_to(folder)
        (tmp_path / "..new").replace(tmp_path / "..data")
        assert [key.tenant for key in mounted.read()] == tenants
