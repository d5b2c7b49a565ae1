"""The client for asyncio: Client's methods, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Self, Unpack

import httpx
from httpx_sse import aconnect_sse

from kshot import calls
from kshot.calls import AdaptOptions, Call, P, T, VersionOptions
from kshot.errors import ClientError, Tries, reaching, refusal
from kshot.inspection import Inspection, InspectOptions
from kshot.labelling import calls as labelling_calls
from kshot.labelling.evaluation import EvaluateOptions, Evaluation
from kshot.labelling.ranking import Ranking, RankOptions
from kshot.predictions import PredictAnswer, PredictOptions
from kshot.projects.methods import AsyncProjects
from kshot.sharing.methods import AsyncSharing
from kshot.types import AdaptAnswer, CheckpointInfo, ExportFormat, Model, ModelSummary, StepEvent, SupportImage
from kshot.uploads import Image, Pool, SupportSet


class AsyncClient(AsyncProjects, AsyncSharing):
    """A connection to one server, for asyncio. Use it as an async context manager, or call aclose().

    Its methods are those of Client, awaited, and raise the same errors. Files are read before the first await, on the
    event loop: support sets are small.
    """

    def __init__(
        self, url: str | None = None, *, api_key: str | None = None, timeout: float = 120, retries: int = 2
    ) -> None:
        """See Client."""
        self._http = calls.connect(httpx.AsyncClient, url, api_key, timeout)
        self._retries = retries

    async def adapt(self, support: SupportSet = (), **options: Unpack[AdaptOptions]) -> AdaptAnswer:
        """See Client.adapt."""
        return await self._send(calls.adapt, support, options)

    async def adapt_events(
        self, support: SupportSet = (), **options: Unpack[AdaptOptions]
    ) -> AsyncIterator[StepEvent | AdaptAnswer]:
        """See Client.adapt_events; `async for`."""
        with reaching(self._http.base_url):
            call = calls.adapt(support, options)
        tries = Tries(self._retries, call.retried)
        while True:
            try:
                async with aclosing(self._events(call)) as events:
                    async for event in events:
                        yield event
                return
            except ClientError as error:
                await asyncio.sleep(tries.pause(error))

    async def adapt_weights(self, support: SupportSet = (), **options: Unpack[AdaptOptions]) -> bytes:
        """Adapt as adapt() does and return the adapted weights as a safetensors file; the server keeps nothing."""
        return await self._send(calls.adapt_weights, support, options)

    async def inspect(self, support: SupportSet = (), **options: Unpack[InspectOptions]) -> Inspection:
        """See Client.inspect."""
        return await self._send(calls.inspect, support, options)

    async def predict(
        self, model_id: str, images: Iterable[Image] = (), **options: Unpack[PredictOptions]
    ) -> PredictAnswer:
        """See Client.predict."""
        return await self._send(calls.predict, model_id, images, options)

    async def evaluate(self, model_id: str, test_set: SupportSet, **options: Unpack[EvaluateOptions]) -> Evaluation:
        """See Client.evaluate."""
        return await self._send(labelling_calls.evaluate, model_id, test_set, options)

    async def rank(self, model_id: str, pool: Pool, **options: Unpack[RankOptions]) -> Ranking:
        """See Client.rank."""
        return await self._send(labelling_calls.rank, model_id, pool, options)

    async def models(self) -> AsyncIterator[ModelSummary]:
        """See Client.models; `async for`."""
        cursor = None
        while True:
            page = await self._send(calls.models, cursor)
            for model in page.models:
                yield model
            if (cursor := page.next_cursor) is None:
                return

    async def model(self, model_id: str) -> Model:
        """See Client.model."""
        return await self._send(calls.model, model_id)

    async def revise(
        self,
        model_id: str,
        add: SupportSet = (),
        *,
        remove: Iterable[int] = (),
        remove_class: Iterable[str] = (),
        **options: Unpack[VersionOptions],
    ) -> AdaptAnswer:
        """See Client.revise."""
        return await self._send(calls.revise, model_id, add, remove, remove_class, options)

    async def rename(
        self,
        model_id: str,
        *,
        name: str | None = None,
        classes: Mapping[str, str] | None = None,
        min_scores: Mapping[str, float | None] | None = None,
    ) -> Model:
        """See Client.rename."""
        return await self._send(calls.rename, model_id, name, classes, min_scores)

    async def images(self, model_id: str) -> list[SupportImage]:
        """See Client.images."""
        return (await self._send(calls.images, model_id)).images

    async def image(self, model_id: str, index: int) -> bytes:
        """See Client.image."""
        return await self._send(calls.image, model_id, index)

    async def export(self, model_id: str, form: ExportFormat = "onnx") -> bytes:
        """See Client.export."""
        return await self._send(calls.export, model_id, form)

    async def delete(self, model_id: str) -> None:
        """See Client.delete."""
        await self._send(calls.delete, model_id)

    async def delete_all(self) -> int:
        """See Client.delete_all."""
        return (await self._send(calls.delete_all)).deleted

    async def checkpoints(self) -> list[CheckpointInfo]:
        """See Client.checkpoints."""
        return (await self._send(calls.checkpoints)).checkpoints

    async def ready(self) -> bool:
        """See Client.ready."""
        return await self._send(calls.ready)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send(self, make: Callable[P, Call[T]], *arguments: P.args, **options: P.kwargs) -> T:
        with reaching(self._http.base_url):
            call = make(*arguments, **options)
        tries = Tries(self._retries, call.retried)
        while True:
            try:
                with reaching(self._http.base_url):
                    response = await self._http.request(call.method, call.path, **call.content)
                return call.answer(response)
            except ClientError as error:
                await asyncio.sleep(tries.pause(error))

    async def _events(self, call: Call[AdaptAnswer]) -> AsyncGenerator[StepEvent | AdaptAnswer]:
        with reaching(self._http.base_url):
            async with aconnect_sse(self._http, call.method, call.path, **call.content) as source:
                if not source.response.is_success:
                    await source.response.aread()
                    raise refusal(source.response)
                async for event in source.aiter_sse():
                    yield calls.event(event, source.response)
