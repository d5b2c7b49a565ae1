"""Who a request is from, and how much they may use."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request


@dataclass(frozen=True)
class Tenant:
    """The owner of models that no other tenant sees; "" is nobody, whom only a server without keys serves."""

    name: str = ""
    max_models: int | None = None
    max_bytes: int | None = None
    requests_per_minute: int | None = None


NOBODY = Tenant()
OPEN = {"/", "/livez", "/readyz", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}
OPEN_FOLDER = "/page/"


def is_open(path: str) -> bool:
    """Whether no key is needed: what is there tells nothing of any tenant."""
    return path in OPEN or path.startswith(OPEN_FOLDER)


def tenant_of(request: Request) -> Tenant:
    """As app.http.middleware.authentication found."""
    tenant: Tenant = request.scope.get("state", {}).get("tenant", NOBODY)
    return tenant
