"""The API's description of itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app.schemas import Problem

COMPONENTS = "#/components/schemas/"
FRAMEWORK = ("HTTPValidationError", "ValidationError")


class Api(FastAPI):
    """FastAPI, described with the errors that we answer in place of its own."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if not self.openapi_schema:
            document = super().openapi()
            schemas = document["components"]["schemas"]
            for name in FRAMEWORK:
                schemas.pop(name, None)
            # By hand: FastAPI would say of a response's model that it comes as application/json too.
            schemas |= models_json_schema([(Problem, "serialization")], ref_template=COMPONENTS + "{model}")[1]["$defs"]
            for path in document["paths"].values():
                for operation in path.values():
                    _drop_framework_error(operation["responses"])
        return self.openapi_schema or {}


def _drop_framework_error(responses: dict[str, Any]) -> None:
    """What FastAPI adds to each operation with a parameter, though a problem is what is sent, if anything is."""
    schema = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("$ref") == COMPONENTS + FRAMEWORK[0]:
        del responses["422"]
