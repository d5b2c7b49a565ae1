"""Lets requests in by their API key, as often a minute as it may be used."""

from __future__ import annotations

import math

import structlog
from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import AppError, KeyForbidden, KeyInvalid, KeyMissing, RateExceeded
from app.http import problems
from app.http.middleware.body_limits import linger
from app.settings import Settings
from app.tenants.keys import Key, KeyFile
from app.tenants.tenant import NOBODY, Tenant, is_open
from app.tenants.token_bucket import Rates

METRICS = "/metrics"


class Access:
    """ASGI middleware: refuses who has no key, before any of the body is read; `tenant_of` says who was let in.

    Without `keys` all are nobody.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: KeyFile | None) -> None:
        self.app = app
        self.settings = settings
        self.keys = keys
        self.rates = Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http" or is_open(get_route_path(scope)):
            await self.app(scope, receive, send)
            return
        try:
            tenant = self._admit(scope)
        except AppError as error:
            if Headers(scope=scope).get("expect", "").lower() != "100-continue":
                await linger(receive, self.settings.max_body_bytes)
            await problems.refused(error)(scope, receive, send)
            return
        scope["state"] = {**scope.get("state", {}), "tenant": tenant}
        await self.app(scope, receive, send)

    def _admit(self, scope: Scope) -> Tenant:
        """Raises KeyMissing, KeyInvalid, KeyForbidden, RateExceeded or KeysUnavailable."""
        if self.keys is None:
            return NOBODY
        key = _key(self.keys, Headers(scope=scope).get("authorization", ""))
        structlog.contextvars.bind_contextvars(tenant=key.tenant)
        if key.metrics != (get_route_path(scope) == METRICS):
            opens = "/metrics and nothing else" if key.metrics else "all but /metrics"
            raise KeyForbidden(f"This key opens {opens}. `kshot keys add --metrics` makes one for /metrics.")
        tenant = self._tenant(key)
        if tenant.requests_per_minute and (wait := self.rates.take(tenant.name, tenant.requests_per_minute)):
            raise RateExceeded(
                f"You may make {tenant.requests_per_minute} requests a minute. Try again in {math.ceil(wait)} s.",
                math.ceil(wait),
            )
        return tenant

    def _tenant(self, key: Key) -> Tenant:
        ours = self.settings
        if key.metrics:
            return Tenant(key.tenant)
        return Tenant(
            key.tenant,
            _first(key.max_models, ours.tenant_max_models),
            _first(key.max_bytes, ours.tenant_max_bytes),
            _first(key.requests_per_minute, ours.tenant_requests_per_minute),
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
