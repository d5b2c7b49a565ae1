"""Requests that are not allowed, or not now."""

from __future__ import annotations

from types import MappingProxyType

from app.errors.base import AppError


class AccessError(AppError):
    """Not with this key, or not now."""


class KeyMissing(AccessError):
    status = 401
    type, title = "/problems/key-missing", "An API key is needed"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="kshot"'})


class KeyInvalid(AccessError):
    status = 401
    type, title = "/problems/key-invalid", "The API key is not valid"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="kshot", error="invalid_token"'})


class KeyForbidden(AccessError):
    status = 403
    type, title = "/problems/key-forbidden", "The API key is for something else"


class ShareInvalid(AccessError):
    status = 401
    type, title = "/problems/share-invalid", "The link to this model is not valid"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="kshot", error="invalid_token"'})


class HostUntrusted(AccessError):
    status = 403
    type, title = "/problems/host-untrusted", "The request is for a host that this server doesn't answer to"


class OriginForeign(AccessError):
    status = 403
    type, title = "/problems/origin-foreign", "A page of another site may not use this server"


class RateExceeded(AccessError):
    status = 429
    type, title = "/problems/rate-exceeded", "More requests than this key may make"

    def __init__(self, detail: str, seconds: int) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(seconds)}


class QuotaReached(AccessError):
    status = 403
    type, title = "/problems/quota-reached", "No more may be kept"


class KeysUnavailable(AccessError):
    status = 503
    type, title = "/problems/keys-unavailable", "The API keys cannot be read"
