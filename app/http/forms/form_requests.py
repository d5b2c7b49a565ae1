"""Requests that bring a form, and what must hold for it before its fields are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from functools import cache
from typing import Any

from anyio import to_thread
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from app.errors import NotAForm
from app.http.forms import json_form
from app.http.forms.form_parser import FormParser
from app.threads import Workers

MULTIPART = "multipart/form-data"
TYPES = {MULTIPART, "application/x-www-form-urlencoded", json_form.MEDIA_TYPE}
REPEATED = {"images", "texts", "inputs", "labels", "targets", "crop", "remove", "remove_class"}
large_json = Workers(1, "json")  # one after another: each takes some times its body's memory


class FormRequest(Request):
    """A request whose multipart form FormParser reads, or json_form.read. What was wrong is in `faults` then."""

    faults: Sequence[dict[str, object]] = ()
    _parsed: FormData | None = None

    async def form(self, **limits: Any) -> FormData:  # type: ignore[override] # FastAPI awaits it and no more
        """See Request."""
        kind = _kind(self)
        if kind not in (MULTIPART, json_form.MEDIA_TYPE):
            return await super().form(**limits)
        if self._parsed is None and kind == json_form.MEDIA_TYPE:
            async with aclosing(self.stream()) as stream:
                self._parsed, self.faults = await self._read_json(stream, limits["max_fields"])
        if self._parsed is None:
            try:
                async with aclosing(self.stream()) as stream:
                    parser = FormParser(self.headers, stream, **limits)
                    self._parsed = await parser.parse()
            except MultiPartException as error:
                raise HTTPException(400, error.message) from error
            self.faults = parser.faults
        return self._parsed

    async def _read_json(
        self, stream: AsyncIterator[bytes], max_fields: int
    ) -> tuple[FormData, list[dict[str, object]]]:
        """Return the form that is in a JSON body, and its faults; the body is kept as a file until it is read."""
        body = UploadFile(json_form.spool())
        try:
            async for chunk in stream:
                await body.write(chunk)
            run = large_json.run if body.file.tell() > json_form.IN_MEMORY else to_thread.run_sync
            await body.seek(0)
            return await run(json_form.read, body.file, self._schemas(), max_fields)
        finally:
            await body.close()

    def _schemas(self) -> json_form.Schemas:
        """Return the JSON schemas of the fields of the route's form."""
        (body,) = self.scope["route"].dependant.body_params
        return _schemas(body.field_info.annotation)


@cache
def _schemas(form: type[BaseModel]) -> json_form.Schemas:
    properties: json_form.Schemas = form.model_json_schema()["properties"]
    return properties


class FormRoute(APIRoute):
    """A route whose requests are FormRequests."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a request."""
        handle = super().get_route_handler()

        async def handle_form(request: Request) -> Response:
            return await handle(FormRequest(request.scope, request.receive))

        return handle_form


async def require_form(request: Request) -> None:
    """Refuse bodies that are not forms, and fields that are sent twice; a dependency of routes that take a form.

    Otherwise a body of another kind would count as a form without fields, and the last of a field's values would win.

    Raises:
        NotAForm: The body is not a form.
        RequestValidationError: A field that takes one value was sent more than once, or a text isn't in UTF-8.
    """
    kind = _kind(request)
    if kind not in TYPES and (kind or request.headers.get("content-length", "0") != "0"):
        raise NotAForm(f"The body is {kind or 'of no type'!r:.80}. Send {MULTIPART}, or JSON.")
    times = Counter(field for field, _ in (await request.form()).multi_items() if field not in REPEATED)
    repeated = [_repeated(field, count) for field, count in times.items() if count > 1]
    if faults := [*getattr(request, "faults", ()), *repeated]:
        raise RequestValidationError(faults)


def _kind(request: Request) -> str:
    """Return the media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _repeated(field: str, times: int) -> dict[str, object]:
    return {"type": "repeated", "loc": ("body", field), "msg": f"send it once, not {times} times", "input": None}
