"""What routes ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from app.schemas import EXAMPLE_ID
from app.service import Service


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_service)]
ModelId = Annotated[str, Path(description="The id that /adapt answered.", examples=[EXAMPLE_ID])]
