"""Settings come from the environment and refuse what makes no sense."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.engine.limits import BatchLimits, QueueLimits
from app.inputs.limits import ArchiveLimits, ImageLimits, SetLimits
from app.service.adaptation import AdaptLimits
from app.settings import Settings, SettingsPart
from app.tenants.tenant import TenantLimits


def test_every_setting_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = {"PORT": "9000", "DEVICE": "cuda:1", "STORE": str(tmp_path), "MAX_STEPS": "7", "TTL_SECONDS": "60"}
    for name, value in values.items():
        monkeypatch.setenv(f"KSHOT_{name}", value)
    settings = Settings()
    assert (settings.port, settings.device, settings.store) == (9000, "cuda:1", str(tmp_path))
    assert (settings.max_steps, settings.ttl_seconds) == (7, 60)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "-1"),
        ("device", "gpu"),
        ("device", "cuda:"),
        ("store", "gs://bucket/prefix"),
        ("pin", "my model"),
        ("threads", "0"),
        ("ttl_seconds", "100000000000"),
        ("max_classes", "1"),
        ("max_image_pixels", "1000000000"),
        ("queue_seconds", "0"),
        ("log_level", "loud"),
        ("checkpoint", ""),
    ],
)
def test_nonsense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"KSHOT_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    "part", [BatchLimits, QueueLimits, ImageLimits, ArchiveLimits, SetLimits, AdaptLimits, TenantLimits]
)
def test_a_part_of_the_settings_has_their_values_by_their_names(part: type[SettingsPart]) -> None:
    settings = Settings(max_queue=7, batch_images=11, max_image_bytes=13, max_classes=17, max_steps=19)
    values = asdict(part.of(settings))
    assert values == {name: getattr(settings, name) for name in values}
