"""The blocking client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self, Unpack

import httpx
from httpx_sse import connect_sse

from kshot import calls
from kshot.calls import AdaptOptions, Call, P, PredictOptions, T, VersionOptions
from kshot.errors import ClientError, refusal
from kshot.retries import Tries
from kshot.types import (
    AdaptAnswer,
    CheckpointInfo,
    ExportFormat,
    Model,
    ModelSummary,
    PredictAnswer,
    StepEvent,
    SupportImage,
)
from kshot.uploads import Image, SupportSet


class Client:
    """A connection to one server; use it as a context manager, or close() it.

    Every method raises APIError for what the server refuses, ServerUnreachableError when no answer comes, and
    UnsendableError for what cannot be read or sent.
    """

    def __init__(
        self, url: str | None = None, *, api_key: str | None = None, timeout: float = 120, retries: int = 2
    ) -> None:
        """`url` defaults to KSHOT_URL, then to http://127.0.0.1:8000, `api_key` to KSHOT_API_KEY.

        `timeout` is in seconds. `retries` are for a server that is busy and says until when, and where a model is made,
        also for a lost connection: the call's Idempotency-Key keeps it from being made twice.
        """
        self._http = calls.connect(httpx.Client, url, api_key, timeout)
        self._retries = retries

    def adapt(self, support: SupportSet, **options: Unpack[AdaptOptions]) -> AdaptAnswer:
        """Make a classifier from a folder of class folders, a zip of them, or (label, image) pairs."""
        return self._send(calls.adapt, support, options)

    def adapt_events(self, support: SupportSet, **options: Unpack[AdaptOptions]) -> Iterator[StepEvent | AdaptAnswer]:
        """As adapt, but with the loss as it falls: a StepEvent after each step and before the first, then the answer.

        Leaving the loop ends the adaptation. After a lost connection the steps come again from the first.
        """
        with calls.reaching(self._http.base_url):
            call = calls.adapt(support, options)
        tries = Tries(self._retries, call.retried)
        while True:
            try:
                yield from self._events(call)
                return
            except ClientError as error:
                time.sleep(tries.pause(error))

    def predict(self, model_id: str, images: Iterable[Image], **options: Unpack[PredictOptions]) -> PredictAnswer:
        """Classify images, each independently of the others unless `transductive`."""
        return self._send(calls.predict, model_id, images, options)

    def models(self) -> Iterator[ModelSummary]:
        """The adapted models, page after page as they are asked for."""
        cursor = None
        while True:
            page = self._send(calls.models, cursor)
            yield from page.models
            if (cursor := page.next_cursor) is None:
                return

    def model(self, model_id: str) -> Model:
        """One adapted model's record."""
        return self._send(calls.model, model_id)

    def revise(
        self,
        model_id: str,
        add: SupportSet = (),
        *,
        remove: Iterable[int] = (),
        remove_class: Iterable[str] = (),
        **options: Unpack[VersionOptions],
    ) -> AdaptAnswer:
        """Make a new version of a model: without some of its images (by index) or classes, and with others.

        Its weights are those of adapting to all of these images anew; the model itself stays.
        """
        return self._send(calls.revise, model_id, add, remove, remove_class, options)

    def rename(self, model_id: str, *, name: str | None = None, classes: Mapping[str, str] | None = None) -> Model:
        """Give a model, or classes of it by their old names, other names; nothing is adapted anew."""
        return self._send(calls.rename, model_id, name, classes)

    def images(self, model_id: str) -> list[SupportImage]:
        """What a model was adapted to, if its images were kept."""
        return self._send(calls.images, model_id).images

    def image(self, model_id: str, index: int) -> bytes:
        """One of these images as a WEBP file, as the network saw it."""
        return self._send(calls.image, model_id, index)

    def export(self, model_id: str, form: ExportFormat = "onnx") -> bytes:
        """One file that runs without kshot: ONNX for any runtime, or safetensors with every weight.

        `examples/run_onnx.py` runs it; its metadata say what goes in and what comes out.
        """
        return self._send(calls.export, model_id, form)

    def delete(self, model_id: str) -> None:
        """Delete an adapted model."""
        self._send(calls.delete, model_id)

    def checkpoints(self) -> list[CheckpointInfo]:
        """The checkpoints that the server can adapt."""
        return self._send(calls.checkpoints).checkpoints

    def ready(self) -> bool:
        """Whether the server takes work now."""
        return self._send(calls.ready)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, make: Callable[P, Call[T]], *arguments: P.args, **options: P.kwargs) -> T:
        with calls.reaching(self._http.base_url):
            call = make(*arguments, **options)
        tries = Tries(self._retries, call.retried)
        while True:
            try:
                with calls.reaching(self._http.base_url):
                    response = self._http.request(call.method, call.path, **call.content)
                return call.answer(response)
            except ClientError as error:
                time.sleep(tries.pause(error))

    def _events(self, call: Call[AdaptAnswer]) -> Iterator[StepEvent | AdaptAnswer]:
        with (
            calls.reaching(self._http.base_url),
            connect_sse(self._http, call.method, call.path, **call.content) as source,
        ):
            if not source.response.is_success:
                source.response.read()
                raise refusal(source.response)
            for event in source.iter_sse():
                yield calls.event(event, source.response)
