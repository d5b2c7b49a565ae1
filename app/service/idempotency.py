"""Idempotency-Key: a request for a model that comes again, to any server on the store, gets its first answer.

As in draft-ietf-httpapi-idempotency-key-header. Two of the store's records tell of a key. The intent says which request
it came with, and under which id its model is kept: whoever is first to have computed the model claims it, just before
the model is kept. The answer is claimed just after. What fails before leaves neither, and may come again as it was or
mended.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias
from weakref import WeakValueDictionary

from fastapi import Header
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from app.errors import IdempotencyKeyReused, ModelNotFound
from app.service.model_answers import adapt_answer
from app.store import Store, Stored
from app.store.records import AdaptDurations, AnswerRecord, IntentRecord
from app.threads import Cancellation
from kshot.types import AdaptAnswer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
UNKNOWN = AdaptDurations(decode=0, queue=0, encode=0, adapt=0, store=0)

IdempotencyKey: TypeAlias = Annotated[
    str | None,
    Header(
        alias=HEADER,
        pattern="^[ -~]{1,255}$",
        description="Your own name for this request, such as a UUID: 1 to 255 printable ASCII characters. For a day, "
        "the same request with it again gets the first answer, and makes no second model.",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]


class Replay(AdaptAnswer):
    """An answer that was given before."""


@dataclass(frozen=True)
class Once:
    """A request with a key, of this path and fingerprint. Its methods block: for worker threads."""

    store: Store
    path: str
    key: str
    fingerprint: str

    @property
    def name(self) -> str:
        """The intent's record."""
        return _digest("intent", self.path, self.key)

    def first(self) -> Replay | None:
        """The answer to the same request when it came before, if it had one. Raises IdempotencyKeyReused."""
        intent = self.store.recall(self.name)
        if intent is None:
            return None
        model_id = self._model_id(intent)
        answer = self.store.recall(_answer_to(model_id))
        return _replay(AnswerRecord.read(answer)) if answer else self._rebuilt(model_id)

    def put(self, stored: Stored, images: bytes | None = None) -> Stored:
        """As Store.put, under the id of whoever was first to come so far. Raises IdempotencyKeyReused."""
        ours = IntentRecord(fingerprint=self.fingerprint, model_id=stored.record.id)
        model_id = self._model_id(self.store.claim(self.name, ours.write()))
        record = stored.record.model_copy(update={"id": model_id})
        return self.store.put(replace(stored, record=record), images)

    def remember(self, answer: AdaptAnswer) -> AdaptAnswer:
        """The answer that all get: another server's, if it was quicker."""
        return adapt_answer(self._remembered(AnswerRecord.model_validate(answer.model_dump())))

    def _remembered(self, answer: AnswerRecord) -> AnswerRecord:
        return AnswerRecord.read(self.store.claim(_answer_to(answer.id), answer.write()))

    def _rebuilt(self, model_id: str) -> Replay | None:
        """Of a model that was kept and not answered, by a server that was killed or whose client left.

        How long it took is not known any more.
        """
        with suppress(ModelNotFound):
            model = self.store.describe(model_id)
            return _replay(self._remembered(AnswerRecord(**dict(model), timings_ms=UNKNOWN)))
        return None

    def _model_id(self, intent: bytes) -> str:
        kept = IntentRecord.read(intent)
        if kept.fingerprint != self.fingerprint:
            detail = (
                f"This {HEADER} came with other fields or files before, for model {kept.model_id}. "
                "Send that request unchanged, or this one with a new key."
            )
            raise IdempotencyKeyReused(detail, field=HEADER)
        return kept.model_id


class Turns:
    """Of requests with one key, one at a time on this server: the others wait for its answer."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def of(self, tenant: str, name: str) -> asyncio.Lock:
        """To be held; it is forgotten when nobody holds it or waits for it."""
        return self._locks.setdefault((tenant, name), asyncio.Lock())


def fingerprint(form: BaseModel, cancellation: Cancellation) -> str:
    """A SHA-256 of a form's fields, its files and their names. Looks at `cancellation` before each file."""

    def told(value: object) -> Iterator[object]:
        for each in value if isinstance(value, list) else [value]:
            cancellation.check()
            yield _file(each) if isinstance(each, UploadFile) else each

    # What isn't sent doesn't count: a server that knows another field more takes it for the same request.
    return _digest(*((name, *told(value)) for name, value in form if value not in (None, [])))


def _file(upload: UploadFile) -> tuple[str | None, str]:
    digest = hashlib.file_digest(upload.file, "sha256").hexdigest()  # type: ignore[arg-type] # BinaryIO has readinto
    upload.file.seek(0)
    return upload.filename, digest


def _replay(answer: AnswerRecord) -> Replay:
    return Replay(**dict(adapt_answer(answer)))


def _answer_to(model_id: str) -> str:
    """The answer's record; by the id, so that it goes with its own intent alone."""
    return _digest("answer", model_id)


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
