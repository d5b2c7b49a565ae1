"""The chart's files, as they lie in the repository."""

from __future__ import annotations

import json
from typing import Any

import yaml

from app.settings import Settings
from tests.documents import ROOT

CHART = ROOT / "deploy" / "helm" / "kshot"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
TEMPLATES = {path.name: path.read_text() for path in (CHART / "templates").rglob("*.*")}
VARIABLES = {f"KSHOT_{name.upper()}" for name in Settings.model_fields}
