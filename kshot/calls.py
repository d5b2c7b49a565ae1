"""Every call of the HTTP interface without its I/O: what to send, and how to read the answer.

`Client` and `AsyncClient` differ only in how they send a `Call`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from httpx_sse import ServerSentEvent
from pydantic import BaseModel, ValidationError

from kshot import __version__
from kshot.errors import Retried, ServerUnreachableError, refusal
from kshot.inspection import Inspection, InspectOptions
from kshot.predictions import PredictAnswer, PredictOptions
from kshot.types import (
    AdaptAnswer,
    Checkpoints,
    ClassWeights,
    Deleted,
    ExportFormat,
    Model,
    ModelPage,
    StepEvent,
    SupportImages,
)
from kshot.uploads import Image, Part, SupportSet, ToldOptions, query_parts, support_parts, take_told, written

T = TypeVar("T")
H = TypeVar("H", httpx.Client, httpx.AsyncClient)
P = ParamSpec("P")
M = TypeVar("M", bound=BaseModel)

DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and `answer`, which turns the response into the result or raises APIError."""

    method: str
    path: str
    answer: Callable[[httpx.Response], T]
    content: dict[str, Any] = field(default_factory=dict)  # httpx's own arguments: params, data, files, headers
    retried: Retried = "when busy"


class VersionOptions(ToldOptions, total=False):
    """Options of a new version; one that is None or missing stays as the model has it.

    A call with the `idempotency_key` of an earlier call gets the earlier answer. By default every call has a new key.
    """

    name: str | None
    steps: int | None
    learning_rate: float | None
    initialization: str | None
    class_weights: ClassWeights | None
    seed: int | None
    ttl_seconds: int | None
    keep_images: bool | None
    archive_encoding: str | None
    idempotency_key: str | None


class AdaptOptions(VersionOptions, total=False):
    """Options of /adapt; the server decides those that are None or missing."""

    checkpoint: str | None


def adapt(support: SupportSet, options: AdaptOptions) -> Call[AdaptAnswer]:
    """POST /adapt."""
    fields, files = support_parts(support, take_told(options := options.copy()))
    return _make("/adapt", files, **fields, **options)


def adapt_weights(support: SupportSet, options: AdaptOptions) -> Call[bytes]:
    """POST /adapt with keep=false."""
    form = adapt(support, options).content
    return Call("POST", "/adapt", _content, form | {"data": form["data"] | {"keep": "false"}})


def revise(
    model_id: str,
    add: SupportSet,
    remove: Iterable[int],
    remove_class: Iterable[str],
    options: VersionOptions,
) -> Call[AdaptAnswer]:
    """POST /models/{id}/versions."""
    fields, files = support_parts(add, take_told(options := options.copy()))
    changes = {**fields, "remove": list(remove), "remove_class": list(remove_class)}
    return _make(f"{model_path(model_id)}/versions", files, **changes, **options)


def inspect(support: SupportSet, options: InspectOptions) -> Call[Inspection]:
    """POST /inspect."""
    fields, files = support_parts(support, take_told(options := options.copy()))
    return Call("POST", "/inspect", read(Inspection), form_of(files, **fields, **options))


def rename(
    model_id: str,
    name: str | None,
    classes: Mapping[str, str] | None,
    min_scores: Mapping[str, float | None] | None,
) -> Call[Model]:
    """PATCH /models/{id}."""
    names = {"name": name, "classes": classes, "min_scores": min_scores}
    given = {field: value for field, value in names.items() if value is not None}
    return Call("PATCH", model_path(model_id), read(Model), {"json": given}, "never")


def images(model_id: str) -> Call[SupportImages]:
    """GET /models/{id}/images."""
    return Call("GET", f"{model_path(model_id)}/images", read(SupportImages))


def export(model_id: str, form: ExportFormat) -> Call[bytes]:
    """GET /models/{id}/export."""
    return Call("GET", f"{model_path(model_id)}/export", _content, {"params": {"format": form}})


def image(model_id: str, index: int) -> Call[bytes]:
    """GET /models/{id}/images/{index}."""
    return Call("GET", f"{model_path(model_id)}/images/{index}", _content)


def event(sent: ServerSentEvent, response: httpx.Response) -> StepEvent | AdaptAnswer:
    """Return an event of /adapt as its type. Raises APIError if the event says what went wrong."""
    kinds: dict[str, type[StepEvent | AdaptAnswer]] = {"step": StepEvent, "done": AdaptAnswer}
    kind = kinds.get(sent.event)
    if kind is None:
        raise refusal(httpx.Response(response.status_code, request=response.request, text=sent.data))
    return kind.model_validate_json(sent.data)


def predict(model_id: str, images: Iterable[Image], options: PredictOptions) -> Call[PredictAnswer]:
    """POST /predict."""
    options = options.copy()
    inputs = written(options.pop("inputs", None))
    form = form_of(query_parts(images), model_id=model_id, inputs=inputs, **options)
    return Call("POST", "/predict", read(PredictAnswer), form)


def models(cursor: str | None) -> Call[ModelPage]:
    """GET /models: the page at `cursor`, or the first."""
    return Call("GET", "/models", read(ModelPage), {"params": {"cursor": cursor} if cursor else {}})


def model(model_id: str) -> Call[Model]:
    """GET /models/{id}."""
    return Call("GET", model_path(model_id), read(Model))


def delete(model_id: str) -> Call[None]:
    """DELETE /models/{id}."""
    return Call("DELETE", model_path(model_id), succeeded, retried="never")


def delete_all() -> Call[Deleted]:
    """DELETE /models?all=true."""
    return Call("DELETE", "/models?all=true", read(Deleted))


def checkpoints() -> Call[Checkpoints]:
    """GET /checkpoints."""
    return Call("GET", "/checkpoints", read(Checkpoints))


def ready() -> Call[bool]:
    """GET /readyz: False while the server loads, or if it can't."""
    return Call("GET", "/readyz", lambda response: response.status_code == httpx.codes.OK, retried="never")


def connect(kind: Callable[..., H], url: str | None, api_key: str | None, timeout: float) -> H:
    """Return httpx's Client or AsyncClient for the server; `timeout` is in seconds.

    Raises ServerUnreachableError if `url` (or KSHOT_URL) is no address, or the environment names an unusable proxy.
    """
    address = _address(url or os.environ.get("KSHOT_URL") or DEFAULT_URL)
    seconds = httpx.Timeout(timeout, connect=5)
    headers = {"User-Agent": f"kshot/{__version__}"}
    if key := api_key or os.environ.get("KSHOT_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    try:
        return kind(base_url=address, timeout=seconds, headers=headers)
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        raise ServerUnreachableError(
            f"The environment's settings for connections cannot be used ({error}): "
            "look at ALL_PROXY, HTTP_PROXY, HTTPS_PROXY and SSL_CERT_FILE."
        ) from error


def _address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise ServerUnreachableError(f"{url!r} is no address of a server: give one such as {DEFAULT_URL}.")
    return address


def _make(path: str, files: list[Part], idempotency_key: str | None = None, **fields: object) -> Call[AdaptAnswer]:
    """Return a call that makes a model. Its key keeps the server from making two if it is sent twice."""
    headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
    return Call("POST", path, read(AdaptAnswer), {**form_of(files, **fields), "headers": headers}, "when lost")


def form_of(files: list[Part], **fields: object) -> dict[str, Any]:
    """Return what httpx sends as a form of these files and fields; fields of None are left out."""
    return {"files": files, "data": {name: value for name, value in fields.items() if value is not None}}


def model_path(model_id: str) -> str:
    """Return the path of a model, whatever its id holds."""
    return f"/models/{quote(model_id, safe='')}"


def succeeded(response: httpx.Response) -> None:
    """Raise APIError for an answer that is an error."""
    if not response.is_success:
        raise refusal(response)


def _content(response: httpx.Response) -> bytes:
    succeeded(response)
    return response.content


def read(schema: type[M]) -> Callable[[httpx.Response], M]:
    """Return what reads an answer of this type, or raises APIError."""

    def answer(response: httpx.Response) -> M:
        succeeded(response)
        try:
            return schema.model_validate_json(response.content)
        except ValidationError as error:
            raise refusal(response) from error

    return answer
