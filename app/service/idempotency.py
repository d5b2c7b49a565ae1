"""Idempotency-Key: a request for a model that comes again, to any server on the store, gets its first answer.

As in draft-ietf-httpapi-idempotency-key-header. The store keeps two records of a key. The intent says which request it
came with, and under which id its model is kept; whoever computed the model first claims it, just before the model is
kept. The answer is claimed just after. A request that fails before leaves neither, and may come again, as it was or
corrected.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakValueDictionary

from app.errors import IdempotencyKeyReused, ModelNotFound
from app.inputs.fingerprint import digest
from app.service.model_library import TenantModels
from app.store.records import AdaptDurations, AnswerRecord, IntentRecord

HEADER = "Idempotency-Key"
UNKNOWN = AdaptDurations(decode=0, queue=0, encode=0, adapt=0, store=0)


class KeyedLocks:
    """A lock for each tenant and name, which is forgotten when nobody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def of(self, tenant: str, name: str) -> asyncio.Lock:
        """Return the lock of this name."""
        return self._locks.setdefault((tenant, name), asyncio.Lock())


@dataclass(frozen=True)
class IdempotencyKey:
    """A client's own name for a request to this path."""

    path: str
    text: str


class RequestIdentity(Protocol):
    """What tells a request for a model from others, so that it makes one model however often it comes."""

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait until no other request of this identity is under way on this server."""

    async def first_answer(self) -> AnswerRecord | None:
        """Return what the request was answered before, if it was. Raises IdempotencyKeyReused."""

    async def claim(self, model_id: str) -> str:
        """Return the id under which to keep the model: this one, or that of who claimed one first."""

    async def remember(self, answer: AnswerRecord) -> AnswerRecord:
        """Keep the answer for when the request comes again; return the one that all get."""


class UnkeyedRequest:
    """A request without an Idempotency-Key: each time it comes it is another one."""

    def turn(self) -> AbstractAsyncContextManager[None]:
        """See RequestIdentity."""
        return nullcontext()

    async def first_answer(self) -> AnswerRecord | None:
        """See RequestIdentity."""
        return None

    async def claim(self, model_id: str) -> str:
        """See RequestIdentity."""
        return model_id

    async def remember(self, answer: AnswerRecord) -> AnswerRecord:
        """See RequestIdentity."""
        return answer


@dataclass(frozen=True)
class KeyedRequest:
    """A request with an Idempotency-Key, told from others under the same key by the fingerprint of its form."""

    models: TenantModels
    locks: KeyedLocks
    key: IdempotencyKey
    fingerprint: str

    def turn(self) -> AbstractAsyncContextManager[None]:
        """See RequestIdentity."""
        return self.locks.of(self.models.tenant, self._intent)

    async def first_answer(self) -> AnswerRecord | None:
        """See RequestIdentity."""
        intent = await self.models.recall(self._intent)
        if intent is None:
            return None
        model_id = self._model_id(intent)
        answer = await self.models.recall(_answer_to(model_id))
        return AnswerRecord.read(answer) if answer else await self._rebuilt(model_id)

    async def claim(self, model_id: str) -> str:
        """See RequestIdentity. Raises IdempotencyKeyReused too."""
        ours = IntentRecord(fingerprint=self.fingerprint, model_id=model_id)
        return self._model_id(await self.models.claim(self._intent, ours.write()))

    async def remember(self, answer: AnswerRecord) -> AnswerRecord:
        """See RequestIdentity."""
        return AnswerRecord.read(await self.models.claim(_answer_to(answer.id), answer.write()))

    @property
    def _intent(self) -> str:
        """The name of the intent's record."""
        return digest("intent", self.key.path, self.key.text)

    async def _rebuilt(self, model_id: str) -> AnswerRecord | None:
        """Return the answer for a model that was kept but not answered: the server was killed, or the client left.

        How long it took is not known any more.
        """
        with suppress(ModelNotFound):
            model = await self.models.describe(model_id)
            return await self.remember(AnswerRecord(**dict(model), timings_ms=UNKNOWN))
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


def _answer_to(model_id: str) -> str:
    """Return the name of an answer's record: by the model's id, so that it belongs to one intent alone."""
    return digest("answer", model_id)
