"""Gives schemathesis the id of a model where a form asks for one, bytes where it asks for a file, and forms in JSON."""

from __future__ import annotations

import os
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, HookContext

from app.http.openapi import ALSO

# As text, which is sent as a file all the same: where schemathesis 4.32 alters a schema, its validator ends on bytes.
schemathesis.openapi.format("binary", st.binary().map(lambda content: content.decode("latin-1")))


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:  # noqa: ARG001 schemathesis names them
    """Puts forms in JSON where schemathesis sees them."""
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            body = operation.get("requestBody", {})
            body.get("content", {}).update(body.pop(ALSO, {}))


@schemathesis.hook
def before_call(context: HookContext, case: Case, **_: Any) -> None:  # noqa: ARG001 schemathesis names them
    """Alters only requests that keep to the schema."""
    positive = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if positive and isinstance(case.body, dict) and "model_id" in case.body:
        case.body["model_id"] = os.environ["KSHOT_MODEL"]
