"""What routes ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Path, Request

from app.quotas import Quotas
from app.schemas import EXAMPLE_ID
from app.service import Service
from app.tenants import tenant_of


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service.of(tenant_of(request).name)


TheService = Annotated[Service, Depends(_service)]


async def within_quota(request: Request, service: TheService) -> AsyncIterator[None]:
    """For routes that make a model. Raises QuotaReached."""
    quotas: Quotas = request.app.state.quotas
    async with quotas.room(tenant_of(request), service.usage):
        yield


ModelId = Annotated[str, Path(description="The id that /adapt answered.", examples=[EXAMPLE_ID])]
