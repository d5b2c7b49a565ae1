"""A slash too many at the end of a path."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.route_templates import route_path


class TrailingSlashMiddleware:
    """ASGI middleware: take /adapt/ for /adapt. A redirect would lose the prefix that a proxy has stripped."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and len(route_path(scope)) > 1 and scope["path"].endswith("/"):
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self.app(scope, receive, send)
