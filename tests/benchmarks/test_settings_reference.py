from __future__ import annotations

from app.settings import Settings
from benchmarks.settings_reference import OUT, render


def test_the_settings_page_is_what_the_code_says() -> None:
    assert OUT.read_text() == render(), "run `python -m benchmarks.settings_reference`"


def test_the_settings_page_names_every_setting_once() -> None:
    rows = [line for line in OUT.read_text().splitlines() if line.startswith("| `KSHOT_")]
    for name in Settings.model_fields:
        assert sum(f"`KSHOT_{name.upper()}`" in row for row in rows) == 1, name
