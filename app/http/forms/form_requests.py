"""Requests that bring a form, and what must hold for it before its fields are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence, Set
from contextlib import aclosing
from typing import Any, TypeVar, get_origin

from anyio import to_thread
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from app.errors import NotAForm
from app.http.forms import json_form
from app.http.forms.form_parser import FormParser
from app.settings import MiB, Settings
from app.threads import Workers

Form = TypeVar("Form", bound=BaseModel)
Faults = Sequence[Mapping[str, object]]
"""What is wrong with a form, as pydantic has it."""

MULTIPART = "multipart/form-data"
TYPES = {MULTIPART, "application/x-www-form-urlencoded", json_form.MEDIA_TYPE}
TEXT_FIELDS = 20  # those beside texts and labels, and some to spare
large_json = Workers(1, "json")  # one after another: each takes some times its body's memory


def form_limits(settings: Settings) -> dict[str, int]:
    """Return how much of what a form may hold: twice what we take, so that our own errors say what is too much."""
    return {
        "max_files": 2 * settings.max_images,
        "max_fields": 2 * max(settings.max_images, 2 * settings.max_texts, 2 * settings.max_inputs) + TEXT_FIELDS,
        "max_part_size": MiB,  # of text: a file that is sent as text is told so, by its field's name
    }


def reads(form: type[Form]) -> Callable[[Request], AsyncIterator[Form]]:
    """Return the dependency that reads a request's body as a form; its files are open until the answer is sent.

    FastAPI's own way with a form asks each field's annotation anew at each request, which takes the event loop longer
    than to read the fields.

    Raises:
        NotAForm: The body is not a form. Otherwise it would count as a form without fields.
        RequestValidationError: A field is not as it should be, one that takes one value was sent more than once, of
            which the last would win, or a text isn't in UTF-8.
        HTTPException: The body can't be read.
    """
    schemas: json_form.Schemas = form.model_json_schema()["properties"]
    lists = {name for name, field in form.model_fields.items() if get_origin(field.annotation) is list}

    single = form.model_fields.keys() - lists

    async def read(request: Request) -> AsyncIterator[Form]:
        request.state.form = form
        fields, faults = await _read(request, schemas)
        try:
            if found := [*faults, *_repeated(fields, single)]:
                raise RequestValidationError(found)
            yield _validated(form, _values(fields, lists, single))
        finally:
            await fields.close()

    return read


async def _read(request: Request, schemas: json_form.Schemas) -> tuple[FormData, Faults]:
    """Return the fields of the body, and what is wrong with them already."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    limits = request.app.state.form_limits
    if kind not in TYPES and (kind or request.headers.get("content-length", "0") != "0"):
        raise NotAForm(f"The body is {kind or 'of no type'!r:.80}. Send {MULTIPART}, or JSON.")
    try:
        if kind == json_form.MEDIA_TYPE:
            return await _read_json(request, schemas, limits["max_fields"])
        if kind != MULTIPART:
            return await request.form(**limits), ()
        async with aclosing(request.stream()) as stream:
            parser = FormParser(request.headers, stream, **limits)
            return await parser.parse(), parser.faults
    except HTTPException:
        raise
    except MultiPartException as error:
        raise HTTPException(400, error.message) from error
    except Exception as error:
        raise HTTPException(400, "There was an error parsing the body") from error


async def _read_json(request: Request, schemas: json_form.Schemas, max_fields: int) -> tuple[FormData, Faults]:
    """Return the form that is in a JSON body, and its faults; the body is kept as a file until it is read."""
    body = UploadFile(json_form.spool())
    try:
        async with aclosing(request.stream()) as stream:
            async for chunk in stream:
                await body.write(chunk)
        run = large_json.run if body.file.tell() > json_form.IN_MEMORY else to_thread.run_sync
        await body.seek(0)
        return await run(json_form.read, body.file, schemas, max_fields)
    finally:
        await body.close()


def _repeated(fields: FormData, single: Set[str]) -> Iterator[Mapping[str, object]]:
    """Yield a fault for each field that takes one value and has several."""
    for name, count in Counter(name for name, _ in fields.multi_items() if name in single).items():
        if count > 1:
            said = f"send it once, not {count} times"
            yield {"type": "repeated", "loc": ("body", name), "msg": said, "input": None}


def _values(fields: FormData, lists: Set[str], single: Set[str]) -> dict[str, Any]:
    """Return the values by name. As browsers send fields that are left empty, these count as not sent."""
    values: dict[str, Any] = {}
    for name, value in fields.multi_items():
        if isinstance(value, UploadFile) and value.filename == "" and value.size == 0:
            continue
        if name in lists:
            values.setdefault(name, []).append(value)
        elif value != "" or name not in single:
            values[name] = value
    return values


def _validated(form: type[Form], values: Mapping[str, Any]) -> Form:
    try:
        return form.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in found]) from None
