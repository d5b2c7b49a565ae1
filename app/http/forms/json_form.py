"""A form as JSON: the same fields, files in base64 or as data: URLs."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from kshot.text import shown

MEDIA_TYPE = "application/json"
FILES = {"images", "archive"}
URLSAFE = str.maketrans("-_", "+/")
Fault = dict[str, object]
Schemas = Mapping[str, Mapping[str, Any]]
"""The JSON schemas of a form's fields."""

# What to call the types of JSON schema, and which values are of them.
KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
}
_NO_LIST = object()


def read(body: bytes, schemas: Schemas, max_values: int) -> tuple[FormData, list[Fault]]:
    """Return what a body holds as a form whose fields have these schemas, and its faults as pydantic has them; blocks.

    Raises HTTPException 400 if it is no JSON object, or holds more than `max_values`.
    """
    form: list[tuple[str, UploadFile | str]] = []
    faults: list[Fault] = []
    for count, (field, place, value) in enumerate(_values(_fields(body), schemas)):
        if count >= max_values:
            raise HTTPException(400, f"Too many fields. Maximum number of fields is {max_values}.")
        try:
            form.append((field, _file(value) if field in FILES else _text(value, schemas.get(field, {}))))
        except ValueError as error:
            faults.append({"type": "json", "loc": ("body", field, *place), "msg": str(error), "input": None})
    return FormData(form), faults


class _Object(list[tuple[str, Any]]):
    """A JSON object's members; twice those that are there twice."""


def _fields(body: bytes) -> _Object:
    """Return the fields of a JSON object. Raises HTTPException."""
    try:
        fields = json.loads(body, object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "There was an error parsing the body") from error
    if not isinstance(fields, _Object):
        raise HTTPException(400, "The body is JSON, but no object.")
    return fields


def _values(fields: _Object, schemas: Schemas) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    """Yield each value with its field and its place in a list; null leaves a field out."""
    for name, value in fields:
        field = shown(name)
        many = schemas.get(field, {}).get("type") == "array"
        if many and isinstance(value, list) and not isinstance(value, _Object):
            yield from ((field, (place,), each) for place, each in enumerate(value))
        elif value is not None or field not in schemas:
            yield field, (), _NO_LIST if many else value


def _text(value: Any, schema: Mapping[str, Any]) -> str:
    """Return a value as a form would bring it. Raises ValueError if it isn't of the schema's type."""
    if kind := schema.get("items", schema).get("type"):
        name, fits = KINDS[kind]
        if value is _NO_LIST or not fits(value):
            raise ValueError(f"send {'a list' if value is _NO_LIST else name}")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("it holds half of a surrogate pair, which is no text") from error
        return value
    return json.dumps(value)


def _file(value: Any) -> UploadFile:
    """Return the file that a text holds. Raises ValueError."""
    if value is _NO_LIST:
        raise ValueError("send a list of files, in base64 or as data: URLs")
    if not isinstance(value, str):
        raise ValueError("send the file's bytes as a text, in base64 or as a data: URL")
    data = _bytes(value)
    return UploadFile(io.BytesIO(data), size=len(data), filename="")


def _bytes(text: str) -> bytes:
    head, comma, content = text.partition(",")
    scheme, _, kind = head.partition(":")
    try:
        if not comma or scheme.lower() != "data":
            return _decoded(text)
        unquoted = unquote_to_bytes(content)
        return _decoded(unquoted.decode("ascii")) if kind.lower().endswith(";base64") else unquoted
    except ValueError as error:
        raise ValueError("it is no base64; send the file's bytes in base64, or as a data: URL") from error


def _decoded(text: str) -> bytes:
    """Return the bytes of base64 in either alphabet, with line ends or padding or without. Raises ValueError."""
    bare = "".join(text.split()).rstrip("=").translate(URLSAFE)
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
