"""The blocking client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self, Unpack

import httpx
from httpx_sse import connect_sse

from kshot import calls
from kshot.calls import AdaptOptions, Call, P, T, VersionOptions
from kshot.errors import ClientError, Tries, reaching, refusal
from kshot.inspection import Inspection, InspectOptions
from kshot.labelling import calls as labelling_calls
from kshot.labelling.evaluation import EvaluateOptions, Evaluation
from kshot.labelling.ranking import Ranking, RankOptions
from kshot.predictions import PredictAnswer, PredictOptions
from kshot.projects.methods import Projects
from kshot.sharing.methods import Sharing
from kshot.types import AdaptAnswer, CheckpointInfo, ExportFormat, Model, ModelSummary, StepEvent, SupportImage
from kshot.uploads import Image, Pool, SupportSet


class Client(Projects, Sharing):
    """A connection to one server. Use it as a context manager, or call close().

    Every method raises
        APIError: the server refuses the request; `problem` says why.
        ServerUnreachableError: no answer comes.
        UnsendableError: a file can't be read, or a name can't be sent.
    """

    def __init__(
        self, url: str | None = None, *, api_key: str | None = None, timeout: float = 120, retries: int = 2
    ) -> None:
        """Set up the connection; nothing is sent yet.

        Args:
            url: the server's address; by default KSHOT_URL, then http://127.0.0.1:8000.
            api_key: sent as a bearer token; by default KSHOT_API_KEY.
            timeout: seconds to wait for an answer. Connecting may take 5 seconds at most.
            retries: how often to try a call again when the server is busy and says for how long. Calls that make a
                model are tried again after a lost connection too: their Idempotency-Key keeps the server from making
                the model twice.
        """
        self._http = calls.connect(httpx.Client, url, api_key, timeout)
        self._retries = retries

    def adapt(self, support: SupportSet = (), **options: Unpack[AdaptOptions]) -> AdaptAnswer:
        """Make a classifier from labelled images, or texts, and return its record.

        Args:
            support: a folder that holds one folder of images for each class, a zip of such folders, or
                (label, image) pairs; an image is a path or the bytes of a file. Of texts, the path of a CSV or JSONL
                with the columns text and label; of vectors, of a CSV with the label or the targets last.
            **options: `texts`, (label, text) pairs in place of a support set of images; `inputs`, vectors, with
                `labels`, or with `targets`, the numbers to estimate of each; `checkpoint`, `name`, `steps`,
                `learning_rate`, `initialization`, `class_weights`, `seed`, `ttl_seconds` (seconds until the model is
                deleted), `keep_images`, `archive_encoding` (of the names in an archive, as cp932, where they don't
                tell), `idempotency_key`. The server decides what isn't given.
        """
        return self._send(calls.adapt, support, options)

    def adapt_events(
        self, support: SupportSet = (), **options: Unpack[AdaptOptions]
    ) -> Iterator[StepEvent | AdaptAnswer]:
        """Adapt, and yield a StepEvent before the first step and after each, then the answer that adapt() returns.

        To leave the loop ends the adaptation. After a lost connection the steps are yielded again from the first.
        """
        with reaching(self._http.base_url):
            call = calls.adapt(support, options)
        tries = Tries(self._retries, call.retried)
        while True:
            try:
                yield from self._events(call)
                return
            except ClientError as error:
                time.sleep(tries.pause(error))

    def adapt_weights(self, support: SupportSet = (), **options: Unpack[AdaptOptions]) -> bytes:
        """Adapt as adapt() does and return the adapted weights as a safetensors file; the server keeps nothing."""
        return self._send(calls.adapt_weights, support, options)

    def inspect(self, support: SupportSet = (), **options: Unpack[InspectOptions]) -> Inspection:
        """Return what a support set holds: its classes, its pictures as the network will see them, what is left out.

        The server makes and keeps nothing.

        Args:
            support: as adapt() takes it.
            **options: `checkpoint`, whose input the pictures are prepared for; `archive_encoding`, as adapt() takes it;
                `pictures=False` leaves the pictures themselves out.
        """
        return self._send(calls.inspect, support, options)

    def predict(self, model_id: str, images: Iterable[Image] = (), **options: Unpack[PredictOptions]) -> PredictAnswer:
        """Classify images, texts or vectors; the answer holds a prediction or an estimate for each, in their order.

        Args:
            model_id: the `id` of an adapted model.
            images: paths or bytes of image files; or the path of one CSV or JSONL with the column text.
            **options: `texts` or `inputs`, in place of images; `crop`, the part of each image that is meant,
                "x,y,width,height" in pixels and "" for the whole, or several parts of a single image; `top_k`, how many
                labels to list for an image; `coverage`, to also get the fewest labels that hold the right one so often;
                `evidence=True`, to also get where each image shows its label; `transductive`, to classify the images
                together instead of each on its own; `on_error`, "skip" to leave out those that can't be used.
        """
        return self._send(calls.predict, model_id, images, options)

    def evaluate(self, model_id: str, test_set: SupportSet, **options: Unpack[EvaluateOptions]) -> Evaluation:
        """Return how a model does on labelled images that took no part in making it; the server keeps none.

        Args:
            model_id: the `id` of an adapted model.
            test_set: labelled images, as adapt() takes them; one class is enough.
            **options: `unknown_labels`, "report" to count images apart whose label the model doesn't have, which is an
                error otherwise; `archive_encoding`, as adapt() takes it.
        """
        return self._send(labelling_calls.evaluate, model_id, test_set, options)

    def rank(self, model_id: str, pool: Pool, **options: Unpack[RankOptions]) -> Ranking:
        """Suggest labels for unlabelled images, and say in which order to label them; the server keeps none.

        Args:
            model_id: the `id` of an adapted model.
            pool: a folder of images at any depth, a zip of them, or images.
            **options: `top_k`, how many labels to list for an image; `on_error`, "fail" to refuse all if an image can't
                be used; `archive_encoding`, as adapt() takes it.
        """
        return self._send(labelling_calls.rank, model_id, pool, options)

    def models(self) -> Iterator[ModelSummary]:
        """Yield the adapted models, newest first; pages are fetched as they are needed."""
        cursor = None
        while True:
            page = self._send(calls.models, cursor)
            yield from page.models
            if (cursor := page.next_cursor) is None:
                return

    def model(self, model_id: str) -> Model:
        """Return the record of one adapted model."""
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
        """Make a new version of a model from its images, less some and with others. The model itself stays.

        The version is adapted to all of these images anew. The server must have kept the model's images.

        Args:
            model_id: the model to start from.
            add: labelled images to add, as adapt() takes them.
            remove: images to leave out, by their `index` in images().
            remove_class: classes to leave out.
            **options: as adapt() takes them, but for `checkpoint`; `texts` are added.
        """
        return self._send(calls.revise, model_id, add, remove, remove_class, options)

    def rename(
        self,
        model_id: str,
        *,
        name: str | None = None,
        classes: Mapping[str, str] | None = None,
        min_scores: Mapping[str, float | None] | None = None,
    ) -> Model:
        """Rename a model, or its classes by {old name: new name}, and return its record. Nothing is adapted anew.

        `min_scores` are the least scores from which labels are accepted, by class; None takes one away.
        """
        return self._send(calls.rename, model_id, name, classes, min_scores)

    def images(self, model_id: str) -> list[SupportImage]:
        """Return what a model was adapted to, if the server kept its images: index, file name and label of each."""
        return self._send(calls.images, model_id).images

    def image(self, model_id: str, index: int) -> bytes:
        """Return one of these images as the bytes of a WEBP file, as the network saw it."""
        return self._send(calls.image, model_id, index)

    def export(self, model_id: str, form: ExportFormat = "onnx") -> bytes:
        """Return the bytes of one file that runs without kshot: ONNX, or safetensors with every weight.

        Its metadata say what goes in and what comes out, and so does the form `json`, for runtimes that read none;
        `examples/run_onnx.py` runs an ONNX file.
        """
        return self._send(calls.export, model_id, form)

    def delete(self, model_id: str) -> None:
        """Delete an adapted model."""
        self._send(calls.delete, model_id)

    def delete_all(self) -> int:
        """Delete all adapted models, of the key's tenant where keys are asked for; return how many there were."""
        return self._send(calls.delete_all).deleted

    def checkpoints(self) -> list[CheckpointInfo]:
        """Return the checkpoints that the server can adapt."""
        return self._send(calls.checkpoints).checkpoints

    def ready(self) -> bool:
        """Return whether the server takes work now."""
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
        with reaching(self._http.base_url):
            call = make(*arguments, **options)
        tries = Tries(self._retries, call.retried)
        while True:
            try:
                with reaching(self._http.base_url):
                    response = self._http.request(call.method, call.path, **call.content)
                return call.answer(response)
            except ClientError as error:
                time.sleep(tries.pause(error))

    def _events(self, call: Call[AdaptAnswer]) -> Iterator[StepEvent | AdaptAnswer]:
        with (
            reaching(self._http.base_url),
            connect_sse(self._http, call.method, call.path, **call.content) as source,
        ):
            if not source.response.is_success:
                source.response.read()
                raise refusal(source.response)
            for event in source.iter_sse():
                yield calls.event(event, source.response)
