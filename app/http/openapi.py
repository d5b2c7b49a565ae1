"""The API's description of itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app.http.access import is_open
from kshot.problem import Problem

COMPONENTS = "#/components/schemas/"
KEY = "apiKey"
SECURITY = {KEY: {"type": "http", "scheme": "bearer", "description": "An API key, where the server asks for one."}}
REFUSALS = {
    "401": "No API key, or one that isn't valid",
    "429": "More requests a minute than the key may make, or a full queue",
}
FRAMEWORK = ("HTTPValidationError", "ValidationError")


class Api(FastAPI):
    """FastAPI whose description has our problem documents in place of its own errors."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if not self.openapi_schema:
            document = super().openapi()
            schemas = document["components"]["schemas"]
            for name in FRAMEWORK:
                schemas.pop(name, None)
            # Added by hand: FastAPI would list a response's model as application/json too.
            schemas |= models_json_schema([(Problem, "serialization")], ref_template=COMPONENTS + "{model}")[1]["$defs"]
            document["components"]["securitySchemes"] = SECURITY
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    _drop_framework_error(operation["responses"])
                    if not is_open(path):
                        _secure(operation)
        return self.openapi_schema or {}


def _drop_framework_error(responses: dict[str, Any]) -> None:
    """Remove the 422 that FastAPI adds to each operation with a parameter; we answer with a problem."""
    schema = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("$ref") == COMPONENTS + FRAMEWORK[0]:
        del responses["422"]


def _secure(operation: dict[str, Any]) -> None:
    """Describe what AuthenticationMiddleware does before a route is reached."""
    operation["security"] = [{KEY: []}, {}]  # the latter for a server without keys
    content = {"application/problem+json": {"schema": {"$ref": f"{COMPONENTS}Problem"}}}
    operation["responses"] |= {status: {"description": said, "content": content} for status, said in REFUSALS.items()}
