"""Let requests in by their API key, and as often a minute as the key allows."""

from __future__ import annotations

import math

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import AppError, KeyForbidden, KeyInvalid, KeyMissing, RateExceeded
from app.http.access import is_open
from app.http.request_body import refuse
from app.http.route_templates import route_path
from app.tenants.keys import Key, KeyFile
from app.tenants.tenant import NOBODY, Tenant, TenantLimits
from app.tenants.token_bucket import TokenBuckets

METRICS = "/metrics"
FOR_METRICS = "This key opens /metrics and nothing else. Send another, which `kshot keys add` makes."
NOT_METRICS = "This key opens all but /metrics. `kshot keys add --metrics` makes one for that."


class AuthenticationMiddleware:
    """ASGI middleware: refuse requests without a valid key before their bodies are read.

    app.http.access.tenant_of tells which tenant was let in. Without `keys` every request is nobody's.
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
            tenant = self._authenticate(scope)
        except AppError as error:
            await refuse(error, scope, receive, send, self.max_body_bytes)
            return
        scope["state"] = {**scope.get("state", {}), "tenant": tenant}
        await self.app(scope, receive, send)

    def _authenticate(self, scope: Scope) -> Tenant:
        """Return the tenant. Raises KeyMissing, KeyInvalid, KeyForbidden, RateExceeded or KeysUnavailable."""
        if self.keys is None:
            return NOBODY
        key = _key(self.keys, Headers(scope=scope).get("authorization", ""))
        structlog.contextvars.bind_contextvars(tenant=key.tenant)
        if key.metrics != (route_path(scope) == METRICS):
            raise KeyForbidden(FOR_METRICS if key.metrics else NOT_METRICS)
        tenant = self._tenant(key)
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


def _key(keys: KeyFile, authorization: str) -> Key:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise KeyMissing("Send an API key: `Authorization: Bearer kshot_…`. Whoever runs the server gives them out.")
    if not (key := keys.find(token.strip())):
        raise KeyInvalid("This API key is not known here, or was revoked. Ask whoever runs the server for another.")
    return key
