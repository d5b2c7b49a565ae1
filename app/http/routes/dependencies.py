"""What routes ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Request

from app.http.access import tenant_of
from app.http.route_templates import route_path
from app.service.idempotency import HEADER, IdempotencyKey
from app.service.service import Service
from app.tenants.tenant import Tenant
from kshot.types import EXAMPLE_ID


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _tenant(request: Request) -> Tenant:
    return tenant_of(request)


KeyHeader = Annotated[
    str | None,
    Header(
        alias=HEADER,
        pattern="^[ -~]{1,255}$",
        description="Your own name for this request, such as a UUID: 1 to 255 printable ASCII characters. For a day, "
        "the same request with it again gets the first answer, and makes no second model.",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]


async def _key(request: Request, text: KeyHeader = None) -> IdempotencyKey | None:
    return None if text is None else IdempotencyKey(route_path(request.scope), text)


TheService = Annotated[Service, Depends(_service)]
TheTenant = Annotated[Tenant, Depends(_tenant)]
TheKey = Annotated[IdempotencyKey | None, Depends(_key)]
ModelId = Annotated[str, Path(description="The id that /adapt answered.", examples=[EXAMPLE_ID])]
