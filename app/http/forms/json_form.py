"""A form as JSON: the same fields, files in base64 or as data: URLs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, cast
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from kshot.text import shown

MEDIA_TYPE = "application/json"
FILES = {"images", "archive", "table"}
URLSAFE = bytes.maketrans(b"-_", b"+/")
BLANKS = b" \t\r\n\f\v"
PIECES = re.compile("(?s:%..|.){1,4096}")  # unquote_to_bytes takes 75 times what it reads
MAX_TEXT = 2**20  # characters, about as many as in a multipart form: texts are looked at on the event loop
IN_MEMORY = 2**20  # bytes of a file; the rest is on disk, as files of multipart forms are
MARKS = ",[{"  # one of these stands before each value of JSON, but the last
MARKS_PER_VALUE = 200  # or within a text: a label of 100 commas is a label
Fault = dict[str, object]
Schemas = Mapping[str, Mapping[str, Any]]
"""The JSON schemas of a form's fields."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# What to call the types of JSON schema, and which values are of them.
KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "number": ("a number", _is_number),
    "array": ("a list of numbers", lambda value: all(map(_is_number, value if isinstance(value, list) else [value]))),
}
_NO_LIST = object()


def spool() -> BinaryIO:
    """Return an empty file, in memory while it is small."""
    return cast("BinaryIO", SpooledTemporaryFile(IN_MEMORY))


def read(body: IO[bytes], schemas: Schemas, max_values: int) -> tuple[FormData, list[Fault]]:
    """Return what a body holds as a form whose fields have these schemas, and its faults as pydantic has them; blocks.

    While it runs it takes up to five times the body's bytes of memory; nine, if that is a text with an emoji.
    Raises HTTPException 400 if the body is no JSON object, or holds more than `max_values`.
    """
    form: list[tuple[str, UploadFile | str]] = []
    faults: list[Fault] = []
    for count, (field, place, value) in enumerate(_values(_fields(body, max_values), schemas)):
        if count >= max_values:
            raise _too_many(max_values)
        try:
            form.append((field, _part(field, value, schemas)))
        except ValueError as error:
            faults.append({"type": "json", "loc": ("body", field, *place), "msg": str(error), "input": None})
    return FormData(form), faults


def _too_many(max_values: int) -> HTTPException:
    return HTTPException(400, f"Too many fields. Maximum number of fields is {max_values}.")


def _part(field: str, value: Any, schemas: Schemas) -> UploadFile | str:
    """Return a value as a form would bring it. Raises ValueError."""
    if field not in schemas:
        return ""  # it is refused by its name, whatever it holds
    return _file(value) if field in FILES else _text(value, schemas[field])


class _Object(list[tuple[str, Any]]):
    """A JSON object's members; twice those that are there twice."""


def _fields(body: IO[bytes], max_values: int) -> _Object:
    """Return the fields of a JSON object. Raises HTTPException.

    Small values take many times their bytes of memory, so they are counted first.
    """
    try:
        text = body.read().decode("utf-8-sig")
        if sum(map(text.count, MARKS)) > MARKS_PER_VALUE * max_values:
            raise _too_many(max_values)
        fields = json.loads(text, object_pairs_hook=_Object)
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
        if len(value) > MAX_TEXT:
            raise ValueError(f"it is {len(value)} characters long; send {MAX_TEXT} at most")
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
    data, file = _bytes(value), spool()
    file.write(data)
    file.seek(0)
    return UploadFile(file, size=len(data), filename="")


def _bytes(text: str) -> bytes:
    try:
        data, coded = _unwrapped(text)
        return _decoded(data) if coded else data
    except ValueError as error:
        raise ValueError("it is no base64; send the file's bytes in base64, or as a data: URL") from error


def _unwrapped(text: str) -> tuple[bytes, bool]:
    """Return what a text holds, without the head of a data: URL, and whether that is base64. Raises ValueError."""
    head, comma, content = text.partition(",")
    scheme, _, kind = head.partition(":")
    if not comma or scheme.lower() != "data":
        return text.encode("ascii"), True
    return b"".join(unquote_to_bytes(piece[0]) for piece in PIECES.finditer(content)), kind.lower().endswith(";base64")


def _decoded(data: bytes) -> bytes:
    """Return the bytes of base64 in either alphabet, with line ends or padding or without. Raises ValueError."""
    bare = data.translate(URLSAFE, BLANKS).rstrip(b"=")
    return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
