"""Every call of the HTTP interface without its I/O: what to send, and how to read the answer.

`Client` and `AsyncClient` differ only in how they send a `Call`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypedDict, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from httpx_sse import ServerSentEvent
from pydantic import BaseModel, ValidationError

from kshot import __version__
from kshot.errors import Retried, ServerUnreachableError, refusal
from kshot.inspection import Inspection
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
from kshot.uploads import Image, Part, SupportSet, image_parts, support_parts

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


class VersionOptions(TypedDict, total=False):
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


class InspectOptions(TypedDict, total=False):
    """Options of /inspect; the server decides those that are None or missing."""

    checkpoint: str | None
    archive_encoding: str | None
    pictures: bool | None


def adapt(support: SupportSet, options: AdaptOptions) -> Call[AdaptAnswer]:
    """POST /adapt."""
    labels, files = support_parts(support)
    return _make("/adapt", files, labels=labels, **options)


def revise(
    model_id: str,
    add: SupportSet,
    remove: Iterable[int],
    remove_class: Iterable[str],
    options: VersionOptions,
) -> Call[AdaptAnswer]:
    """POST /models/{id}/versions."""
    labels, files = support_parts(add)
    changes = {"labels": labels, "remove": list(remove), "remove_class": list(remove_class)}
    return _make(f"{_model_path(model_id)}/versions", files, **changes, **options)


def inspect(support: SupportSet, options: InspectOptions) -> Call[Inspection]:
    """POST /inspect."""
    labels, files = support_parts(support)
    return Call("POST", "/inspect", _read(Inspection), _form(files, labels=labels, **options))


def rename(
    model_id: str,
    name: str | None,
    classes: Mapping[str, str] | None,
    min_scores: Mapping[str, float | None] | None,
) -> Call[Model]:
    """PATCH /models/{id}."""
    names = {"name": name, "classes": classes, "min_scores": min_scores}
    given = {field: value for field, value in names.items() if value is not None}
    return Call("PATCH", _model_path(model_id), _read(Model), {"json": given}, "never")


def images(model_id: str) -> Call[SupportImages]:
    """GET /models/{id}/images."""
    return Call("GET", f"{_model_path(model_id)}/images", _read(SupportImages))


def export(model_id: str, form: ExportFormat) -> Call[bytes]:
    """GET /models/{id}/export."""
    return Call("GET", f"{_model_path(model_id)}/export", _content, {"params": {"format": form}})


def image(model_id: str, index: int) -> Call[bytes]:
    """GET /models/{id}/images/{index}."""
    return Call("GET", f"{_model_path(model_id)}/images/{index}", _content)


def event(sent: ServerSentEvent, response: httpx.Response) -> StepEvent | AdaptAnswer:
    """Return an event of /adapt as its type. Raises APIError if the event says what went wrong."""
    kinds: dict[str, type[StepEvent | AdaptAnswer]] = {"step": StepEvent, "done": AdaptAnswer}
    kind = kinds.get(sent.event)
    if kind is None:
        raise refusal(httpx.Response(response.status_code, request=response.request, text=sent.data))
    return kind.model_validate_json(sent.data)


def predict(model_id: str, images: Iterable[Image], options: PredictOptions) -> Call[PredictAnswer]:
    """POST /predict."""
    form = _form(image_parts(images), model_id=model_id, **options)
    return Call("POST", "/predict", _read(PredictAnswer), form)


def models(cursor: str | None) -> Call[ModelPage]:
    """GET /models: the page at `cursor`, or the first."""
    return Call("GET", "/models", _read(ModelPage), {"params": {"cursor": cursor} if cursor else {}})


def model(model_id: str) -> Call[Model]:
    """GET /models/{id}."""
    return Call("GET", _model_path(model_id), _read(Model))


def delete(model_id: str) -> Call[None]:
    """DELETE /models/{id}."""
    return Call("DELETE", _model_path(model_id), _succeeded, retried="never")


def delete_all() -> Call[Deleted]:
    """DELETE /models?all=true."""
    return Call("DELETE", "/models?all=true", _read(Deleted))


def checkpoints() -> Call[Checkpoints]:
    """GET /checkpoints."""
    return Call("GET", "/checkpoints", _read(Checkpoints))


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
    return Call("POST", path, _read(AdaptAnswer), {**_form(files, **fields), "headers": headers}, "when lost")


def _form(files: list[Part], **fields: object) -> dict[str, Any]:
    return {"files": files, "data": {name: value for name, value in fields.items() if value is not None}}


def _model_path(model_id: str) -> str:
    return f"/models/{quote(model_id, safe='')}"


def _succeeded(response: httpx.Response) -> None:
    if not response.is_success:
        raise refusal(response)


def _content(response: httpx.Response) -> bytes:
    _succeeded(response)
    return response.content


def _read(schema: type[M]) -> Callable[[httpx.Response], M]:
    def answer(response: httpx.Response) -> M:
        _succeeded(response)
        try:
            return schema.model_validate_json(response.content)
        except ValidationError as error:
            raise refusal(response) from error

    return answer
