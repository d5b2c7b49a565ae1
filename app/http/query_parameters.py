"""Query parameters that a route doesn't have."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

from app.api.nearest import nearest


async def refuse_unknown(request: Request) -> None:
    """Refuse query parameters that the route doesn't have; a dependency of routes. Raises RequestValidationError."""
    if not request.query_params:  # of most requests
        return
    taken = list(_names(request.scope["route"].dependant))
    if unknown := [name for name in request.query_params if name not in taken]:
        raise RequestValidationError([_fault(name, taken) for name in dict.fromkeys(unknown)])


def _names(dependant: Dependant) -> Iterator[str]:
    """Yield the names of what a route and its dependencies take."""
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _names(each)


def _fault(name: str, taken: list[str]) -> dict[str, object]:
    return {"type": "unknown", "loc": ("query", name), "msg": nearest("query parameter", name, taken), "input": None}
