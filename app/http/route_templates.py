"""Which route a path is of."""

from __future__ import annotations

from collections.abc import Iterable

from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

UNKNOWN = "unknown"


class Templates:
    """The paths of routes, such as /models/{model_id}: so few that they may name a metric or a span.

    Routing itself says it too late: what is refused before never gets there.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [route for route in routes if isinstance(route, Route)]

    def of(self, scope: Scope) -> str:
        """That of a request; UNKNOWN if there is none."""
        path = get_route_path(scope)
        return next((route.path for route in self._routes if route.path_regex.match(path)), UNKNOWN)
