"""A slash too many at the end of a path."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.access import OPEN_FOLDERS
from app.http.route_templates import route_path


class TrailingSlashMiddleware:
    """ASGI middleware: take /adapt/ for /adapt. A redirect would lose the prefix that a proxy has stripped."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and _has_one_too_many(route_path(scope)):
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self.app(scope, receive, send)


def _has_one_too_many(path: str) -> bool:
    return len(path) > 1 and path.endswith("/") and not path.startswith(OPEN_FOLDERS)
