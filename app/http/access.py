"""Which paths need no API key, and which tenant a request belongs to."""

from __future__ import annotations

from fastapi import Request

from app.errors import ModelNotFound
from app.tenants.tenant import NOBODY, Tenant

PROBES = {"/livez", "/readyz"}
PAGES = {"/", "/docs"}
SHARED_PAGES = "/m/"
OPEN = PROBES | PAGES | {"/openapi.json"}
OPEN_FOLDERS = ("/page/", SHARED_PAGES)


def is_open(path: str) -> bool:
    """Return whether the path needs no key, because it tells nothing about any tenant."""
    return path in OPEN or path.startswith(OPEN_FOLDERS)


def is_page(path: str) -> bool:
    """Return whether the path shows a page to a person."""
    return path in PAGES or is_shared_page(path)


def is_shared_page(path: str) -> bool:
    """Return whether the path shows the page of a shared model."""
    return path.startswith(SHARED_PAGES)


def tenant_of(request: Request) -> Tenant:
    """Return the tenant that AuthenticationMiddleware found."""
    tenant: Tenant = request.scope.get("state", {}).get("tenant", NOBODY)
    return tenant


def check_shared(request: Request, model_id: str) -> None:
    """Raise ModelNotFound if the request has the token of a share, and that is another model's."""
    shared = request.scope.get("state", {}).get("shared_model", model_id)
    if shared != model_id:
        raise ModelNotFound(f"This link is for another model, {shared}.", field="model_id")
