"""What routes ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from app.http.access import tenant_of
from app.service.idempotency import IdempotencyKey
from app.service.making import Maker
from app.service.service import Service
from kshot.types import EXAMPLE_ID


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service.of(tenant_of(request).name)


TheService = Annotated[Service, Depends(_service)]


async def _maker(request: Request, service: TheService, key: IdempotencyKey = None) -> Maker:
    state = request.app.state
    return Maker(service, tenant_of(request), state.quotas, state.turns, request.url.path, key)


TheMaker = Annotated[Maker, Depends(_maker)]

ModelId = Annotated[str, Path(description="The id that /adapt answered.", examples=[EXAMPLE_ID])]
