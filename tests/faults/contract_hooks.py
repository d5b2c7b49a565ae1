"""Gives schemathesis the id of a model where a form asks for one, and bytes where it asks for a file."""

from __future__ import annotations

import os
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, HookContext

schemathesis.openapi.format("binary", st.binary())


@schemathesis.hook
def before_call(context: HookContext, case: Case, **_: Any) -> None:  # noqa: ARG001 schemathesis names them
    """Alters only requests that keep to the schema."""
    positive = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if positive and isinstance(case.body, dict) and "model_id" in case.body:
        case.body["model_id"] = os.environ["KSHOT_MODEL"]
