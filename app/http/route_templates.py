"""Which route a request's path belongs to."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Route
from starlette.types import Scope

UNKNOWN = "unknown"


class RouteTemplates:
    """The paths of routes, such as /models/{model_id}; there are few enough to label metrics and spans with.

    Starlette itself sets the route too late: a request that a middleware refuses is never routed.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [route for route in routes if isinstance(route, Route)]

    def of(self, scope: Scope) -> str:
        """Return the template of a request's path; UNKNOWN if there is none."""
        path = route_path(scope)
        return next((route.path for route in self._routes if route.path_regex.match(path)), UNKNOWN)


def route_path(scope: Scope) -> str:
    """Return the path of a request below the prefix (root_path) that the app is mounted at."""
    path: str = scope["path"]
    below = path.removeprefix(scope.get("root_path", ""))
    return below if below.startswith("/") or not below else path
