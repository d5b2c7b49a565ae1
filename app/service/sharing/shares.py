"""Share a model: make, list and revoke its shares, and find the model that a token is for.

They lie in the model's record: they are deleted and expire with it, and to revoke one is a change of it, which every
server on the store sees as it sees a new name.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.errors import ModelNotFound, QuotaReached, ShareInvalid, ShareNotFound
from app.service.service import Service
from app.service.sharing.tokens import ShareToken
from app.store.records import ModelRecord, ShareRecord
from app.tenants.tenant import Tenant
from kshot.sharing.shares import ModelShare, ModelShares, NewShare, ShareOptions

MOST = 100  # of a model, expired ones aside
UNKNOWN = "This link is not known here, was revoked or has expired. Ask whoever sent it for another."


async def create(service: Service, tenant: Tenant, model_id: str, options: ShareOptions) -> NewShare:
    """Share a model; its token is answered here, and kept nowhere. Raises ModelNotFound or QuotaReached."""
    token, now = ShareToken.new(tenant.name, model_id), datetime.now(UTC)
    until = now + timedelta(seconds=options.ttl_seconds)

    def shared(model: ModelRecord) -> ModelRecord:
        made = ShareRecord(
            id=token.share_id,
            name=options.name,
            digest=token.digest,
            created_at=now,
            expires_at=min(until, model.expires_at or until),
        )
        living = _living(model)
        if len(living) >= MOST:
            detail = f"The model has {MOST} shares. Revoke some: GET /models/{model_id}/shares lists them."
            raise QuotaReached(detail, resource="shares", used=len(living), limit=MOST)
        return model.model_copy(update={"shares": [*living, made]})

    model = await service.model_library.of(tenant.name).update(model_id, shared)
    return NewShare(**dict(_answer(model.shares[-1])), token=token.text, link=f"m/{model_id}#{token.text}")


async def list_shares(service: Service, tenant: Tenant, model_id: str) -> ModelShares:
    """Return the shares of a model that have not expired, without their tokens. Raises ModelNotFound."""
    model = await service.model_library.of(tenant.name).describe(model_id)
    return ModelShares(shares=[_answer(share) for share in _living(model)])


async def revoke(service: Service, tenant: Tenant, model_id: str, share_id: str) -> None:
    """Take a share back: its token is refused from now on. Raises ModelNotFound or ShareNotFound."""

    def without(model: ModelRecord) -> ModelRecord:
        left = [share for share in _living(model) if share.id != share_id]
        if len(left) == len(_living(model)):
            detail = f"Model {model_id} has no share {share_id:.40}. GET /models/{model_id}/shares lists those it has."
            raise ShareNotFound(detail, field="share_id")
        return model.model_copy(update={"shares": left})

    await service.model_library.of(tenant.name).update(model_id, without)


async def check(service: Service, token: ShareToken) -> None:
    """Let a token in to its model. Raises ShareInvalid, NotReady or StoreUnavailable."""
    service.engine.require_ready()
    try:  # its record alone: whom the model isn't for must not have it loaded, which may push others out of the cache
        record = await service.model_library.of(token.tenant).describe(token.model_id)
    except ModelNotFound as error:
        raise ShareInvalid(UNKNOWN) from error
    if not any(share.id == token.share_id and token.has(share.digest) for share in _living(record)):
        raise ShareInvalid(UNKNOWN)


def _living(model: ModelRecord) -> list[ShareRecord]:
    now = datetime.now(UTC)
    return [share for share in model.shares if share.expires_at > now]


def _answer(share: ShareRecord) -> ModelShare:
    return ModelShare(id=share.id, name=share.name, created_at=share.created_at, expires_at=share.expires_at)
