"""The API's description of itself."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.forms import AdaptForm, EvaluateForm, InspectForm, PredictForm, RankForm, VersionForm
from app.http.access import is_open
from app.http.forms.form_requests import MULTIPART
from app.http.forms.json_form import FILES, MEDIA_TYPE
from kshot.problem import Problem

COMPONENTS = "#/components/schemas/"
KEY = "apiKey"
SECURITY = {KEY: {"type": "http", "scheme": "bearer", "description": "An API key, where the server asks for one."}}
REFUSALS = {
    "401": "No API key, or one that isn't valid",
    "429": "More requests a minute than the key may make, or a full queue",
}
Mode: TypeAlias = Literal["validation", "serialization"]
FORMS = (AdaptForm, EvaluateForm, InspectForm, PredictForm, RankForm, VersionForm)
FRAMEWORK = ("HTTPValidationError", "ValidationError")

BINARY = {"schema": {"type": "string", "format": "binary"}}
"""An answer that is a file. Without a schema generators of clients would answer nothing."""
REPEATED = {"style": "form", "explode": True}
"""How a list of texts is sent. Generators of clients would join them by commas."""
ALSO = "x-also-taken"
"""Where a request's other type of body stands. In `content` generators of clients would choose JSON, and lose files."""
SAID = "The fields may be sent as application/json too, with files in base64 or as data: URLs: see {}."
IN_JSON = {"type": "string", "contentEncoding": "base64"}


def takes(form: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """Return what describes a body that is read as a form (see form_requests)."""
    content = {MULTIPART: {"schema": {"$ref": COMPONENTS + form.__name__}}}
    return {"requestBody": {"content": content, "required": required}}


class Api(FastAPI):
    """FastAPI whose description has our problem documents in place of its own errors."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if not self.openapi_schema:
            document = super().openapi()
            schemas = document["components"]["schemas"] | _schemas(FORMS, "validation")
            schemas = {name: schemas[name] for name in sorted(schemas) if name not in FRAMEWORK}
            # Added by hand: FastAPI would list a response's model as application/json too.
            document["components"]["schemas"] = schemas | _schemas((Problem,), "serialization")
            document["components"]["securitySchemes"] = SECURITY
            _describe_forms(document)
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    _drop_framework_error(operation["responses"])
                    if not is_open(path):
                        _secure(operation)
        return self.openapi_schema or {}


def _schemas(models: tuple[type[BaseModel], ...], mode: Mode) -> dict[str, Any]:
    """Return the schemas of models, and of what is in them, by name."""
    named = models_json_schema([(model, mode) for model in models], ref_template=COMPONENTS + "{model}")[1]
    found: dict[str, Any] = named["$defs"]
    return found


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


def _describe_forms(document: dict[str, Any]) -> None:
    """Say of each operation that takes a form how lists are sent, and how its fields are as JSON (see json_form)."""
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            body = operation.get("requestBody", {})
            if MULTIPART in body.get("content", {}):
                content = body["content"][MULTIPART]
                form = content["schema"]["$ref"].removeprefix(COMPONENTS)
                name = form.replace("Form", "Json")
                schemas[name] = _in_json(schemas[form], name)
                content["encoding"] = dict.fromkeys(_lists(schemas[form]), REPEATED)
                body[ALSO] = {MEDIA_TYPE: {"schema": {"$ref": COMPONENTS + name}}}
                operation["description"] += f"\n\n{SAID.format(name)}"


def _lists(form: dict[str, Any]) -> list[str]:
    """Return the fields of a form that are lists of something else than files."""
    return [name for name, field in form["properties"].items() if "items" in field and name not in FILES]


def _in_json(form: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the schema of a form as JSON: files are texts, in base64 or as data: URLs."""
    fields = {field: {**schema} for field, schema in form["properties"].items()}
    for field, schema in fields.items():
        schema["description"] = schema["description"].replace(" Repeat the field.", "")
        if field in FILES:
            schema["description"] += " In base64, or as data: URLs."
            schema |= {"items": IN_JSON} if "items" in schema else IN_JSON
            schema.pop("contentMediaType", None)
            schema.pop("format", None)
    for field in fields.keys() - form.get("required", []):
        fields[field] = _or_null(fields[field])
    return {**form, "title": name, "properties": fields}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field that null leaves out."""
    said: dict[str, Any] = {
        word: schema[word] for word in ("title", "description", "examples", "default") if word in schema
    }
    return {**said, "anyOf": [{word: value for word, value in schema.items() if word not in said}, {"type": "null"}]}
