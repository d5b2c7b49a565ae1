"""Let requests in by their API key, and as often a minute as the key allows; or by the token of a share."""

from __future__ import annotations

import math

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import AppError, KeyForbidden, KeyInvalid, KeyMissing, RateExceeded, ShareInvalid
from app.http.access import is_open
from app.http.request_body import refuse
from app.http.route_templates import route_path
from app.service.sharing import shares
from app.service.sharing.tokens import PREFIX, ShareToken
from app.tenants.keys import Key, KeyFile
from app.tenants.tenant import NOBODY, Tenant, TenantLimits
from app.tenants.token_bucket import TokenBuckets

METRICS = "/metrics"
FOR_METRICS = "This key opens /metrics and nothing else. Send another, which `kshot keys add` makes."
NOT_METRICS = "This key opens all but /metrics. `kshot keys add --metrics` makes one for that."
SHARED = ("POST", "/predict")
FOR_PREDICTING = "The token of a shared model is for POST /predict and nothing else. Send an API key."


class AuthenticationMiddleware:
    """ASGI middleware: refuse requests without a valid key before their bodies are read.

    app.http.access.tenant_of tells which tenant was let in. Without `keys` every request is nobody's. A share's token
    lets in as the owner of its model, with keys or without, but to that model and SHARED alone.
    """

    def __init__(self, app: ASGIApp, keys: KeyFile | None, limits: TenantLimits, max_body_bytes: int) -> None:
        self.app = app
        self.keys = keys
        self.limits = limits
        self.max_body_bytes = max_body_bytes
        self.buckets = TokenBuckets()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or is_open(route_path(scope)):
            await self.app(scope, receive, send)
            return
        try:
            found = await self._authenticate(scope)
        except AppError as error:
            await refuse(error, scope, receive, send, self.max_body_bytes)
            return
        scope["state"] = {**scope.get("state", {}), **found}
        await self.app(scope, receive, send)

    async def _authenticate(self, scope: Scope) -> dict[str, object]:
        """Return the tenant, and the model if it is shared. Raises AccessError, NotReady or what the store raises."""
        token = _bearer(scope)
        if token.startswith(PREFIX):
            if (scope["method"], route_path(scope)) != SHARED:
                raise ShareInvalid(FOR_PREDICTING)
            if not (share := ShareToken.parse(token)):
                raise ShareInvalid(shares.UNKNOWN)
            owner = self._owner(share.tenant)  # before the store is asked
            await shares.check(scope["app"].state.service, share)
            return {"tenant": self._admitted(owner), "shared_model": share.model_id}
        return {"tenant": self._admitted(self._by_key(scope, token))}

    def _by_key(self, scope: Scope, token: str) -> Tenant:
        if self.keys is None:
            return NOBODY
        key = _key(self.keys, token)
        if key.metrics != (route_path(scope) == METRICS):
            structlog.contextvars.bind_contextvars(tenant=key.tenant)
            raise KeyForbidden(FOR_METRICS if key.metrics else NOT_METRICS)
        return self._tenant(key)

    def _owner(self, name: str) -> Tenant:
        """Return who shared a model, and within what limits: those of their first key."""
        if self.keys is None and name == NOBODY.name:
            return NOBODY
        if self.keys is None or not (key := self.keys.of(name)):
            raise ShareInvalid(shares.UNKNOWN)  # whoever has lost all keys shares nothing any more
        return self._tenant(key)

    def _admitted(self, tenant: Tenant) -> Tenant:
        """Return the tenant, once it is counted as asking. Raises RateExceeded."""
        if tenant.name:
            structlog.contextvars.bind_contextvars(tenant=tenant.name)
        if tenant.requests_per_minute and (wait := self.buckets.take(tenant.name, tenant.requests_per_minute)):
            seconds = math.ceil(wait)
            detail = f"You may make {tenant.requests_per_minute} requests a minute. Try again in {seconds} s."
            raise RateExceeded(detail, seconds)
        return tenant

    def _tenant(self, key: Key) -> Tenant:
        if key.metrics:
            return Tenant(key.tenant)
        return Tenant(
            key.tenant,
            _first(key.max_models, self.limits.tenant_max_models),
            _first(key.max_bytes, self.limits.tenant_max_bytes),
            _first(key.requests_per_minute, self.limits.tenant_requests_per_minute),
        )


def _first(own: int | None, default: int) -> int:
    return default if own is None else own


def _bearer(scope: Scope) -> str:
    """Return the token that a request sends, or ""."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _key(keys: KeyFile, token: str) -> Key:
    if not token:
        raise KeyMissing("Send an API key: `Authorization: Bearer kshot_…`. Whoever runs the server gives them out.")
    if not (key := keys.find(token)):
        raise KeyInvalid("This API key is not known here, or was revoked. Ask whoever runs the server for another.")
    return key
