"""Which paths need no API key, and which tenant a request belongs to."""

from __future__ import annotations

from fastapi import Request

from app.tenants.tenant import NOBODY, Tenant

PROBES = {"/livez", "/readyz"}
PAGES = {"/", "/docs"}
OPEN = PROBES | PAGES | {"/openapi.json"}
OPEN_FOLDER = "/page/"


def is_open(path: str) -> bool:
    """Return whether the path needs no key, because it tells nothing about any tenant."""
    return path in OPEN or path.startswith(OPEN_FOLDER)


def tenant_of(request: Request) -> Tenant:
    """Return the tenant that AuthenticationMiddleware found."""
    tenant: Tenant = request.scope.get("state", {}).get("tenant", NOBODY)
    return tenant
