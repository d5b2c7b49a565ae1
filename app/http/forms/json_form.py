"""A form as JSON: the same fields, files in base64 or as data: URLs."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from kshot.text import shown

MEDIA_TYPE = "application/json"
FILES = {"images", "archive"}
URLSAFE = str.maketrans("-_", "+/")
Fault = dict[str, object]


def read(body: bytes, max_fields: int) -> tuple[FormData, list[Fault]]:
    """Return what a body holds as a form, and what is wrong with its fields, as pydantic has it; blocks.

    Raises HTTPException 400 if it is no JSON object, or holds more than `max_fields` values.
    """
    form: list[tuple[str, UploadFile | str]] = []
    faults: list[Fault] = []
    for count, (field, place, value) in enumerate(_values(_fields(body))):
        if count >= max_fields:
            raise HTTPException(400, f"Too many fields. Maximum number of fields is {max_fields}.")
        try:
            form.append((field, _file(value) if field in FILES else _text(value)))
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


def _values(fields: _Object) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    """Yield each value with its field and its place in a list; null is a field that is left out."""
    for name, value in fields:
        field = shown(name)
        if isinstance(value, list) and not isinstance(value, _Object):
            yield from ((field, (place,), each) for place, each in enumerate(value))
        elif value is not None:
            yield field, (), value


def _text(value: Any) -> str:
    """Return a value as a form would bring it. Raises ValueError."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("it holds half of a surrogate pair, which is no text") from error
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise ValueError("send a text, a number, true or false")


def _file(value: Any) -> UploadFile:
    """Return the file that a text holds. Raises ValueError."""
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
